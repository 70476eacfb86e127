//! How much of a ticket's source is in already; and the staging file.

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
        /// Of those rows: whether the source has rewritten them since.
        #[serde(with = "hex")]
        pub digest: Vec<u8>,
        /// The ticket's version then: whether somebody has changed it here since.
        pub version: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
