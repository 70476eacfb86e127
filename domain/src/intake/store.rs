//! Rows of submissions.

pub mod submission {
    use crate::kernel::{TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "submission")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub gateway: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub external_id: String,
        pub ticket_id: TicketId,
        pub received_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod quarantined_submission {
    use crate::kernel::{SubmissionId, TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "quarantined_submission")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SubmissionId,
        pub gateway: String,
        pub source: String,
        pub reason: String,
        pub received_at: Timestamp,
        /// The request, until it is released.
        pub sealed: Option<Vec<u8>>,
        pub released_at: Option<Timestamp>,
        pub ticket_id: Option<TicketId>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::DbErr;

use super::model::{Gateway, Quarantined, Reason};

impl TryFrom<quarantined_submission::Model> for Quarantined {
    type Error = DbErr;

    fn try_from(row: quarantined_submission::Model) -> Result<Self, DbErr> {
        let quarantined_submission::Model {
            id,
            gateway,
            source,
            reason,
            received_at,
            sealed: _,
            released_at,
            ticket_id,
        } = row;
        let broken = |what: &str, word: &str| DbErr::Type(format!("{what}: {word:?} is no word of this program"));
        Ok(Self {
            id,
            gateway: Gateway::parse(&gateway).ok_or_else(|| broken("gateway", &gateway))?,
            source,
            reason: Reason::parse(&reason).ok_or_else(|| broken("reason", &reason))?,
            received_at,
            released_at,
            ticket: ticket_id,
        })
    }
}
