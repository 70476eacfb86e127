//! The table of seals, and its statements.

pub mod log_seal {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "log_seal")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        /// The last row under this seal.
        pub last_xid: i64,
        pub last_seq: i64,
        pub rows: i32,
        #[serde(with = "hex")]
        pub mac: Vec<u8>,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::{EntityTrait, IntoActiveModel as _, QueryOrder, SqlErr};

use crate::kernel::Result;
use crate::runtime::Executor;
use crate::runtime::store::event_log;
use crate::runtime::vault::mac;

pub(super) async fn last(conn: &Executor) -> Result<Option<log_seal::Model>> {
    Ok(log_seal::Entity::find().order_by_desc(log_seal::Column::Position).one(conn).await?)
}

/// Inserts a seal; `false` if another node has sealed these rows.
pub(super) async fn insert(conn: &Executor, seal: log_seal::Model) -> Result<bool> {
    match log_seal::Entity::insert(seal.into_active_model()).exec_without_returning(conn).await {
        Ok(_) => Ok(true),
        Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// The MAC of a seal, over its position, the previous seal and the digests of its rows.
pub(super) fn seal_mac(key: &[u8; 32], position: i64, before: &[u8], rows: &[event_log::Model]) -> Vec<u8> {
    let position = position.to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![&position, before];
    parts.extend(rows.iter().map(|row| row.digest.as_slice()));
    mac(key, &parts).to_vec()
}

pub(super) const PURPOSE: &str = "event-log-seal";
/// In the data folder; one line `epoch position mac` per seal.
pub(super) const HEADS_FILE: &str = "seals.log";
