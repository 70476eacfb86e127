//! Tables of the runtime.

pub mod event_log {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "event_log")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub seq: i64,
        /// The transaction, on PostgreSQL; 0 on SQLite and after a restore.
        pub xid: i64,
        pub kind: String,
        pub subject_kind: String,
        pub subject: Uuid,
        pub actor: Option<Uuid>,
        pub on_behalf_of: Option<Uuid>,
        pub side: String,
        pub audience: String,
        pub channel: String,
        pub request_id: Uuid,
        pub at: Timestamp,
        pub payload: String,
        #[serde(with = "hex")]
        pub digest: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod job {
    use crate::kernel::{JobId, Timestamp};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "job")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: JobId,
        /// The queue: empty for jobs that decide, the name of a channel for jobs that send.
        pub lane: String,
        pub kind: String,
        /// (kind, subject) is unique, so scheduling a job again moves it.
        pub subject: String,
        pub run_at: Timestamp,
        pub attempts: i32,
        pub lease_until: Option<Timestamp>,
        /// Increases with every lease, so that the holder of an old lease cannot finish the job.
        pub fence: i64,
        pub buried_at: Option<Timestamp>,
        pub last_error: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod idempotency_key {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "idempotency_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub actor: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub operation: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        #[serde(with = "hex")]
        pub input: Vec<u8>,
        pub answer: String,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Metadata of the database: the epoch of its log.
pub mod meta {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "meta")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub value: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
