//! Tables of what tickets mean, and up to where of the log they are made.

pub mod ticket_vector {
    use crate::kernel::TicketId;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "ticket_vector")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        /// Digest of the encoder's files.
        #[sea_orm(primary_key, auto_increment = false)]
        pub model: String,
        pub text_digest: Vec<u8>,
        /// Eight bits a number.
        pub vector: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod vector_progress {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "vector_progress")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub model: String,
        /// A sealed cursor.
        pub position: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::kernel::{Result, TicketId};

/// The vectors of one model, by ascending ticket, from behind `after`.
pub async fn vectors_after(
    conn: &impl ConnectionTrait,
    model: &str,
    after: Option<TicketId>,
    limit: u64,
) -> Result<Vec<ticket_vector::Model>> {
    let mut select = ticket_vector::Entity::find().filter(ticket_vector::Column::Model.eq(model));
    if let Some(after) = after {
        select = select.filter(ticket_vector::Column::TicketId.gt(after));
    }
    Ok(select.order_by_asc(ticket_vector::Column::TicketId).limit(limit).all(conn).await?)
}

pub async fn vectors(
    conn: &impl ConnectionTrait,
    model: &str,
    tickets: &[TicketId],
) -> Result<Vec<ticket_vector::Model>> {
    let select = ticket_vector::Entity::find()
        .filter(ticket_vector::Column::Model.eq(model))
        .filter(ticket_vector::Column::TicketId.is_in(tickets.iter().copied()));
    Ok(select.all(conn).await?)
}

pub async fn put(conn: &impl ConnectionTrait, rows: Vec<ticket_vector::Model>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|row| {
        let ticket_vector::Model { ticket_id, model, text_digest, vector } = row;
        ticket_vector::ActiveModel {
            ticket_id: Set(ticket_id),
            model: Set(model),
            text_digest: Set(text_digest),
            vector: Set(vector),
        }
    });
    let mut replace = OnConflict::columns([ticket_vector::Column::TicketId, ticket_vector::Column::Model]);
    replace.update_columns([ticket_vector::Column::TextDigest, ticket_vector::Column::Vector]);
    ticket_vector::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

pub async fn position(conn: &impl ConnectionTrait, model: &str) -> Result<Option<String>> {
    Ok(vector_progress::Entity::find_by_id(model).one(conn).await?.map(|row| row.position))
}

pub async fn set_position(conn: &impl ConnectionTrait, model: &str, position: String) -> Result<()> {
    let row = vector_progress::ActiveModel { model: Set(model.to_owned()), position: Set(position) };
    let mut replace = OnConflict::column(vector_progress::Column::Model);
    replace.update_column(vector_progress::Column::Position);
    vector_progress::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}
