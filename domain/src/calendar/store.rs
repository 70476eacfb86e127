//! The table of calendars: a row a version.

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

use std::sync::Arc;

use super::decide::check;
use super::decide::hours::Calendar;
use super::model::{CalendarRef, Hours, Saved};
use crate::kernel::{Error, Result};

impl TryFrom<calendar::Model> for Saved {
    type Error = Error;

    fn try_from(row: calendar::Model) -> Result<Self> {
        let calendar::Model { key, version, name, name_zh, archived, hours, saved_at: _ } = row;
        let broken = |error: String| Error::internal(format!("calendar {key} version {version}: {error}"));
        let hours: Hours = serde_json::from_str(&hours).map_err(|e| broken(e.to_string()))?;
        let zone = check(&hours).map_err(|refusal| broken(refusal.message.en))?;
        let calendar = Arc::new(Calendar::new(hours.clone(), zone));
        Ok(Self { of: CalendarRef { key, version }, name, name_zh, archived, hours, calendar })
    }
}
