//! Reads of calendars, cached in memory.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::model::{Calendar, CalendarCache, CalendarRef, CalendarVersion};
use super::store::calendar;
use crate::kernel::{Code, Error, Result, boxed, refuse};
use crate::msg;
use crate::runtime::versioned::is_newest;
use crate::runtime::{App, Executor, Tx};

/// Maximum number of calendars of an installation.
const CALENDARS_MAX: u64 = 500;

async fn read_current(conn: &Executor) -> Result<Vec<Arc<CalendarVersion>>> {
    let rows = calendar::Entity::find()
        .filter(is_newest::<calendar::Entity>(calendar::Column::Key, calendar::Column::Version))
        .order_by_asc(calendar::Column::Key)
        .limit(CALENDARS_MAX)
        .all(conn)
        .await?;
    rows.into_iter().map(|row| CalendarVersion::try_from(row).map(Arc::new)).collect()
}

/// The newest version of every calendar, by key.
#[boxed]
pub async fn current(app: &App) -> Result<Arc<Vec<Arc<CalendarVersion>>>> {
    app.state::<CalendarCache>().current.get_or_load(read_current(app.db.read())).await
}

/// The newest version of a calendar, as the transaction sees it.
#[boxed]
pub async fn find(tx: &Tx, key: &str) -> Result<Option<Arc<CalendarVersion>>> {
    if let Some(saved) = current(tx.app()).await?.iter().find(|saved| saved.of.key == key) {
        return Ok(Some(saved.clone()));
    }
    // It may have been saved in this transaction, or just before it.
    Ok(read_current(tx.conn()).await?.into_iter().find(|saved| saved.of.key == key))
}

/// The calendar that an input names.
pub async fn require(tx: &Tx, field: &str, key: &str) -> Result<Arc<CalendarVersion>> {
    match find(tx, key).await?.filter(|saved| !saved.archived) {
        Some(saved) => Ok(saved),
        None => Err(refuse(Code::UnknownKey, field, msg!("calendar-not-found", field = field)).into()),
    }
}

/// These versions. All of them exist, because calendars are never deleted.
#[boxed]
pub async fn versions(app: &App, conn: &Executor, of: Vec<CalendarRef>) -> Result<HashMap<CalendarRef, Arc<Calendar>>> {
    let load = async |missing: Vec<CalendarRef>| {
        let any = missing.iter().fold(Condition::any(), |any, CalendarRef { key, version }| {
            any.add(calendar::Column::Key.eq(key).and(calendar::Column::Version.eq(*version)))
        });
        let rows = calendar::Entity::find().filter(any).all(conn).await?;
        rows.into_iter()
            .map(|row| {
                let saved = CalendarVersion::try_from(row)?;
                Ok((saved.of.clone(), Arc::new(saved)))
            })
            .collect()
    };
    let found = app.state::<CalendarCache>().versions.get_or_load(of, load).await?;
    Ok(found.into_iter().map(|(of, saved)| (of, saved.calendar.clone())).collect())
}

/// One version.
#[boxed]
pub async fn version(app: &App, conn: &Executor, of: &CalendarRef) -> Result<Arc<Calendar>> {
    let mut found = versions(app, conn, vec![of.clone()]).await?;
    found.remove(of).ok_or_else(|| Error::internal(format!("calendar {} version {} is gone", of.key, of.version)))
}
