//! Links by which requesters follow their tickets without signing in.

pub mod ticket_link {
    use crate::kernel::{TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "ticket_link")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub ticket_id: TicketId,
        pub user_id: UserId,
        pub issued_at: Timestamp,
        pub revoked_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel as _, QueryFilter};
use uuid::Uuid;

use crate::kernel::{Result, TicketId, Timestamp, UserId};
use crate::runtime::Executor;
use crate::tickets::model::TicketLink;

impl From<ticket_link::Model> for TicketLink {
    fn from(row: ticket_link::Model) -> Self {
        let ticket_link::Model { id, ticket_id, user_id, issued_at, revoked_at } = row;
        Self { id, ticket: ticket_id, user: user_id, issued_at, revoked_at }
    }
}

pub async fn by_id(conn: &Executor, id: Uuid) -> Result<Option<TicketLink>> {
    Ok(ticket_link::Entity::find_by_id(id).one(conn).await?.map(Into::into))
}

/// The link of a person to a ticket that was not revoked.
pub async fn of_holder(conn: &Executor, ticket: TicketId, user: UserId) -> Result<Option<TicketLink>> {
    let found = ticket_link::Entity::find()
        .filter(ticket_link::Column::TicketId.eq(ticket))
        .filter(ticket_link::Column::UserId.eq(user))
        .filter(ticket_link::Column::RevokedAt.is_null());
    Ok(found.one(conn).await?.map(Into::into))
}

pub async fn insert(conn: &Executor, link: TicketLink) -> Result<()> {
    let TicketLink { id, ticket, user, issued_at, revoked_at } = link;
    let row = ticket_link::Model { id, ticket_id: ticket, user_id: user, issued_at, revoked_at };
    ticket_link::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Revokes the links to a ticket: of one person, or of everybody. Returns how many.
pub async fn revoke(conn: &Executor, ticket: TicketId, user: Option<UserId>, at: Timestamp) -> Result<u64> {
    let mut update = ticket_link::Entity::update_many()
        .col_expr(ticket_link::Column::RevokedAt, Expr::value(at))
        .filter(ticket_link::Column::TicketId.eq(ticket))
        .filter(ticket_link::Column::RevokedAt.is_null());
    if let Some(user) = user {
        update = update.filter(ticket_link::Column::UserId.eq(user));
    }
    Ok(update.exec(conn).await?.rows_affected)
}
