//! The table of calendars, one row per version, and its statements.

pub mod calendar {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub name: String,
        pub name_zh: Option<String>,
        pub archived: bool,
        /// `Hours` as JSON.
        pub hours: String,
        pub saved_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use crate::kernel::Locale;
use std::sync::Arc;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use super::decide::check;
use super::model::{Calendar, CalendarRef, CalendarVersion, Hours};
use crate::kernel::{Error, Result, Timestamp};
use crate::runtime::Executor;
use crate::runtime::versioned::insert_version;

impl TryFrom<calendar::Model> for CalendarVersion {
    type Error = Error;

    fn try_from(row: calendar::Model) -> Result<Self> {
        let calendar::Model { key, version, name, name_zh, archived, hours, saved_at: _ } = row;
        let broken = |error: String| Error::internal(format!("calendar {key} version {version}: {error}"));
        let hours: Hours = serde_json::from_str(&hours).map_err(|e| broken(e.to_string()))?;
        let zone = check(&hours).map_err(|refusal| broken(refusal.message.text(Locale::En)))?;
        let calendar = Arc::new(Calendar::new(hours.clone(), zone));
        Ok(Self { of: CalendarRef { key, version }, name, name_zh, archived, hours, calendar })
    }
}

pub(super) async fn has_calendars(conn: &Executor) -> Result<bool> {
    Ok(calendar::Entity::find().one(conn).await?.is_some())
}

/// The newest version of a calendar.
pub(super) async fn last_version(conn: &Executor, key: &str) -> Result<Option<i32>> {
    let row = calendar::Entity::find()
        .filter(calendar::Column::Key.eq(key))
        .order_by_desc(calendar::Column::Version)
        .one(conn)
        .await?;
    Ok(row.map(|row| row.version))
}

/// Inserts a version of a calendar; a concurrent save of the same version is a conflict.
pub(super) async fn insert(conn: &Executor, saved: CalendarVersion, now: Timestamp) -> Result<()> {
    let CalendarVersion { of: CalendarRef { key, version }, name, name_zh, archived, hours, calendar: _ } = saved;
    let row = calendar::ActiveModel {
        key: Set(key),
        version: Set(version),
        name: Set(name),
        name_zh: Set(name_zh),
        archived: Set(archived),
        hours: Set(serde_json::to_string(&hours).map_err(Error::internal)?),
        saved_at: Set(now),
    };
    insert_version(conn, row).await
}
