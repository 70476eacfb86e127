//! Entities of the tables.

pub mod partner_system {
    use crate::kernel::{SystemId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "partner_system")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SystemId,
        pub key: String,
        pub name: String,
        pub rank: i32,
        pub user_id: UserId,
        pub callback_url: Option<String>,
        pub created_at: Timestamp,
        pub failing_since: Option<Timestamp>,
        pub failures: i32,
        pub retry_at: Option<Timestamp>,
        pub disabled_at: Option<Timestamp>,
        pub disabled_because: Option<String>,
        pub clock_offset_millis: Option<i64>,
        pub clock_seen_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod status_word {
    use crate::kernel::SystemId;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "status_word")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub system_id: SystemId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub word: String,
        pub position: i32,
        pub status: String,
        pub reopens: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod webhook_secret {
    use crate::kernel::{SystemId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_secret")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub system_id: SystemId,
        pub sealed: Vec<u8>,
        pub created_at: Timestamp,
        pub expires_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod hub_ticket {
    use crate::kernel::{Micros, TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "hub_ticket")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub status: String,
        pub changed_at: Option<Micros>,
        pub reopenings: i32,
        pub reporting: i32,
        pub compared_from: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod status_report {
    use crate::kernel::{Micros, ReportId, SystemId, TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "status_report")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ReportId,
        pub ticket_id: TicketId,
        pub system_id: Option<SystemId>,
        pub rank: i32,
        /// In its batch.
        pub position: i32,
        pub word: String,
        pub status: Option<String>,
        pub reopens: bool,
        pub by_person: bool,
        pub at: Micros,
        pub received_at: Timestamp,
        pub operator: String,
        pub event_id: Option<String>,
        pub digest: Vec<u8>,
        pub outcome: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod hub_holding {
    use crate::kernel::{CorrectionId, ReportId, SystemId, TicketId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "hub_holding")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub system_id: SystemId,
        pub report_id: Option<ReportId>,
        pub correction_id: Option<CorrectionId>,
        pub status: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod correction {
    use crate::kernel::{CorrectionId, Message, SystemId, TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "correction")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CorrectionId,
        pub ticket_id: TicketId,
        pub system_id: SystemId,
        pub status: String,
        pub cause: String,
        pub created_at: Timestamp,
        pub state: String,
        pub attempts: i32,
        pub refusals: i32,
        pub due_at: Option<Timestamp>,
        pub sent_at: Option<Timestamp>,
        pub acknowledged_at: Option<Timestamp>,
        pub failure: Option<Message>,
        pub echo_event: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod hub_difference {
    use crate::kernel::{SystemId, TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "hub_difference")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub ticket_id: TicketId,
        pub first_id: SystemId,
        pub second_id: SystemId,
        pub began_at: Timestamp,
        pub ended_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
