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
        /// A digest of who wrote, where each may do so only so often.
        pub sender: Option<String>,
        /// Of what was said, and by whom.
        pub digest: Option<String>,
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
        /// Of its payload.
        pub bytes: i64,
        /// Who wrote, as the gateway's channel knows them: where they have no account, and are to hear of the release.
        pub writer: Option<String>,
        /// When telling them began that is not known to have ended.
        pub telling_at: Option<Timestamp>,
        pub released_at: Option<Timestamp>,
        pub ticket_id: Option<TicketId>,
        pub dismissed_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod quarantined_payload {
    use crate::kernel::SubmissionId;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "quarantined_payload")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub submission_id: SubmissionId,
        /// The request, until it is released.
        pub sealed: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod canary {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "canary")]
    pub struct Model {
        /// Nobody can guess it.
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub gateway: String,
        pub state: String,
        pub sent_at: Timestamp,
        pub arrived_at: Option<Timestamp>,
        pub ended_at: Option<Timestamp>,
        pub failure: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, Select};

use super::model::{Canary, CanaryState, Gateway, Quarantined, Reason};

fn broken(what: &str, word: &str) -> DbErr {
    DbErr::Type(format!("{what}: {word:?} is no word of this program"))
}

impl TryFrom<canary::Model> for Canary {
    type Error = DbErr;

    fn try_from(row: canary::Model) -> Result<Self, DbErr> {
        let canary::Model { key: _, gateway, state, sent_at, arrived_at, ended_at, failure } = row;
        Ok(Self {
            gateway: Gateway::parse(&gateway).ok_or_else(|| broken("gateway", &gateway))?,
            state: CanaryState::parse(&state).ok_or_else(|| broken("state of a canary", &state))?,
            sent_at,
            arrived_at,
            ended_at,
            failure,
        })
    }
}

impl TryFrom<quarantined_submission::Model> for Quarantined {
    type Error = DbErr;

    fn try_from(row: quarantined_submission::Model) -> Result<Self, DbErr> {
        let quarantined_submission::Model {
            id,
            gateway,
            source,
            reason,
            received_at,
            bytes: _,
            writer: _,
            telling_at: _,
            released_at,
            ticket_id,
            dismissed_at,
        } = row;
        Ok(Self {
            id,
            gateway: Gateway::parse(&gateway).ok_or_else(|| broken("gateway", &gateway))?,
            source,
            reason: Reason::parse(&reason).ok_or_else(|| broken("reason", &reason))?,
            received_at,
            released_at,
            dismissed_at,
            ticket: ticket_id,
        })
    }
}

/// What a gateway holds.
pub(super) fn held(gateway: Gateway) -> Select<quarantined_submission::Entity> {
    quarantined_submission::Entity::find()
        .filter(quarantined_submission::Column::Gateway.eq(gateway.word()))
        .filter(quarantined_submission::Column::ReleasedAt.is_null())
        .filter(quarantined_submission::Column::DismissedAt.is_null())
}
