//! The import state of tickets and its statements, and the staging file.

pub mod stage;

pub mod ticket_import {
    use crate::kernel::TicketId;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "ticket_import")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub rows: i32,
        /// The digest of those rows; it shows whether the source has changed them.
        #[serde(with = "hex")]
        pub digest: Vec<u8>,
        /// The version of the ticket after the import; it shows whether the ticket was changed in Buoy.
        pub version: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use std::collections::HashMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel as _, QueryFilter};

use crate::kernel::{Result, TicketId};
use crate::runtime::Executor;

/// The import states of these tickets.
pub(super) async fn states(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, ticket_import::Model>> {
    let rows = ticket_import::Entity::find()
        .filter(ticket_import::Column::TicketId.is_in(ids.iter().copied()))
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|state| (state.ticket_id, state)).collect())
}

/// Inserts or updates import states.
pub(super) async fn upsert_states(conn: &Executor, states: Vec<ticket_import::Model>) -> Result<()> {
    if states.is_empty() {
        return Ok(());
    }
    let mut replace = OnConflict::column(ticket_import::Column::TicketId);
    replace.update_columns([
        ticket_import::Column::Rows,
        ticket_import::Column::Digest,
        ticket_import::Column::Version,
    ]);
    let rows = states.into_iter().map(|state| state.into_active_model());
    ticket_import::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}
