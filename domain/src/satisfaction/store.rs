//! The table of surveys.

pub mod survey {
    use crate::kernel::{TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "survey")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub recipient_id: Option<UserId>,
        pub asked_at: Option<Timestamp>,
        pub score: Option<i32>,
        pub comment: Option<String>,
        pub by_id: Option<UserId>,
        pub answered_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row for each survey that was sent.
pub mod survey_request {
    use crate::kernel::{TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "survey_request")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub asked_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::model::{Answer, Survey};
use crate::kernel::text::REDACTED;
use crate::kernel::{Result, TicketId, Timestamp, UserId};
use crate::runtime::Executor;

impl From<survey::Model> for Survey {
    fn from(row: survey::Model) -> Self {
        let survey::Model { ticket_id, recipient_id, asked_at, score, comment, by_id, answered_at } = row;
        let answer = score.zip(by_id).zip(answered_at).map(|((score, by), at)| Answer { score, comment, by, at });
        Self { ticket: ticket_id, asked: recipient_id.zip(asked_at), answer }
    }
}

pub async fn of(conn: &Executor, ticket: TicketId) -> Result<Option<Survey>> {
    Ok(survey::Entity::find_by_id(ticket).one(conn).await?.map(Into::into))
}

pub async fn record_request(conn: &Executor, ticket: TicketId, recipient: UserId, at: Timestamp) -> Result<()> {
    let row = survey::ActiveModel {
        ticket_id: Set(ticket),
        recipient_id: Set(Some(recipient)),
        asked_at: Set(Some(at)),
        ..Default::default()
    };
    let mut replace = OnConflict::column(survey::Column::TicketId);
    replace.update_columns([survey::Column::RecipientId, survey::Column::AskedAt]);
    survey::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    let request = survey_request::ActiveModel { ticket_id: Set(ticket), asked_at: Set(at) };
    survey_request::Entity::insert(request)
        .on_conflict_do_nothing_on([survey_request::Column::TicketId, survey_request::Column::AskedAt])
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

pub async fn answer(conn: &Executor, ticket: TicketId, answer: &Answer) -> Result<()> {
    let Answer { score, comment, by, at } = answer.clone();
    let row = survey::ActiveModel {
        ticket_id: Set(ticket),
        score: Set(Some(score)),
        comment: Set(comment),
        by_id: Set(Some(by)),
        answered_at: Set(Some(at)),
        ..Default::default()
    };
    let mut replace = OnConflict::column(survey::Column::TicketId);
    replace
        .update_columns([survey::Column::Score, survey::Column::Comment])
        .update_columns([survey::Column::ById, survey::Column::AnsweredAt]);
    survey::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Redacts the comment of a rating.
pub async fn redact(conn: &Executor, ticket: TicketId) -> Result<()> {
    survey::Entity::update_many()
        .col_expr(survey::Column::Comment, Expr::value(REDACTED.as_str()))
        .filter(survey::Column::TicketId.eq(ticket))
        .filter(survey::Column::Comment.is_not_null())
        .exec(conn)
        .await?;
    Ok(())
}
