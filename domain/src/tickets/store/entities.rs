//! The tables.

/// Keys of catalogue entries, as a JSON array.
#[derive(Clone, Debug, PartialEq, Eq, sea_orm::DeriveValueType, serde::Serialize, serde::Deserialize)]
pub struct Keys(pub String);

pub(crate) mod ticket {
    use super::Keys;
    use crate::kernel::{CustomerId, TeamId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "ticket")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TicketId,
        pub number: i64,
        pub token: String,
        pub title: String,
        pub description: String,
        pub status: String,
        /// Higher is more urgent.
        pub priority: i32,
        pub issue_type: Option<String>,
        pub product: Option<String>,
        /// The key, name or alias by which the text names the product.
        pub product_recognised_by: Option<String>,
        pub device: Option<String>,
        pub required_skills: Keys,
        pub channel: String,
        pub version: i32,
        pub requester_id: Option<UserId>,
        pub customer_id: Option<CustomerId>,
        pub assignee_id: Option<UserId>,
        pub team_id: Option<TeamId>,
        pub accepted: bool,
        pub confidential: bool,
        pub imported: bool,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub public_updated_at: Timestamp,
        pub first_opened_at: Option<Timestamp>,
        pub first_opened_by: Option<UserId>,
        pub first_responded_at: Option<Timestamp>,
        pub resolved_at: Option<Timestamp>,
        pub closed_at: Option<Timestamp>,
        pub reopen_count: i32,
        pub hand_over_count: i32,
        pub chase_count: i32,
        pub waiting_reason: Option<String>,
        pub cancel_reason: Option<String>,
        pub merged_into: Option<TicketId>,
        pub first_resolved_at: Option<Timestamp>,
        pub first_resolution_hand_overs: i32,
        pub first_reopened_at: Option<Timestamp>,
        /// This and the next three: what the history of an imported ticket leaves open.
        pub history_incomplete: bool,
        pub merged_in_source: bool,
        pub response_unknown: bool,
        pub resolution_unknown: bool,
        pub no_response_marked_at: Option<Timestamp>,
        /// Since when its requester waits for an answer to what they wrote.
        pub asked_at: Option<Timestamp>,
        pub pending_status: Option<String>,
        pub pending_system: Option<String>,
        pub pending_since: Option<Timestamp>,
        pub pending_needs: Option<String>,
        /// Increments with every change of the row.
        pub revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod attribution {
    use super::Keys;
    use crate::kernel::{TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "attribution")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub fault_type: String,
        pub root_cause_level: String,
        pub cause_tag: Option<String>,
        pub solution_tags: Keys,
        pub resolution: String,
        pub by_id: UserId,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What the source of an imported ticket says of cause and solution, if that is no attribution.
pub(crate) mod source_solution {
    use crate::kernel::TicketId;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "source_solution")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod external_ref {
    use crate::kernel::TicketId;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "external_ref")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub system: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub external_id: String,
        pub ticket_id: TicketId,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod comment {
    use crate::kernel::{CommentId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "comment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CommentId,
        pub ticket_id: TicketId,
        pub author_id: UserId,
        pub body: String,
        pub visibility: String,
        pub created_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod participant {
    use crate::kernel::{TicketId, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "ticket_participant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub reason: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod ticket_open {
    use crate::kernel::{TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "ticket_open")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
