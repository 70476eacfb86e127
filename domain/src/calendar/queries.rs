//! Reads of calendars, from memory: a version never changes.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide::hours::Calendar;
use super::model::{CalendarRef, Calendars, Saved};
use super::store::calendar;
use crate::kernel::{Code, Error, Result, refuse};
use crate::runtime::{App, Tx};

/// Calendars of one installation.
const CALENDARS_MAX: u64 = 500;

async fn read_current(conn: &impl ConnectionTrait) -> Result<Vec<Arc<Saved>>> {
    let newer = Alias::new("newer");
    let last = Query::select()
        .expr(Expr::col((newer.clone(), calendar::Column::Version)).max())
        .from_as(calendar::Entity, newer.clone())
        .and_where(Expr::col((newer, calendar::Column::Key)).equals((calendar::Entity, calendar::Column::Key)))
        .to_owned();
    let rows = calendar::Entity::find()
        .filter(Expr::col((calendar::Entity, calendar::Column::Version)).in_subquery(last))
        .order_by_asc(calendar::Column::Key)
        .limit(CALENDARS_MAX)
        .all(conn)
        .await?;
    rows.into_iter().map(|row| Saved::try_from(row).map(Arc::new)).collect()
}

/// The newest version of every calendar, by key.
pub async fn current(app: &App) -> Result<Arc<Vec<Arc<Saved>>>> {
    let load = async |_| Ok(vec![((), Arc::new(read_current(app.db.read()).await?))]);
    let mut found = app.state::<Calendars>().current.get_or_load(vec![()], load).await?;
    Ok(found.remove(&()).unwrap_or_default())
}

/// The newest version of one, as a transaction sees it.
pub async fn find(tx: &Tx, key: &str) -> Result<Option<Arc<Saved>>> {
    if let Some(saved) = current(tx.app()).await?.iter().find(|saved| saved.of.key == key) {
        return Ok(Some(saved.clone()));
    }
    // Saved in this very transaction, or a moment ago.
    Ok(read_current(tx.conn()).await?.into_iter().find(|saved| saved.of.key == key))
}

/// The calendar that an input names.
pub async fn require(tx: &Tx, field: &str, key: &str) -> Result<Arc<Saved>> {
    match find(tx, key).await?.filter(|saved| !saved.archived) {
        Some(saved) => Ok(saved),
        None => Err(refuse(
            Code::UnknownKey,
            field,
            format!("{field}: there is no such calendar; ask calendars for the keys."),
            format!("{field}：没有这个日历，可用 calendars 查询已有的键。"),
        )
        .into()),
    }
}

/// These versions. Each of them is there: nothing of a calendar is ever removed.
pub async fn versions(
    app: &App,
    conn: &impl ConnectionTrait,
    of: Vec<CalendarRef>,
) -> Result<HashMap<CalendarRef, Arc<Calendar>>> {
    let load = async |missing: Vec<CalendarRef>| {
        let any = missing.iter().fold(Condition::any(), |any, CalendarRef { key, version }| {
            any.add(calendar::Column::Key.eq(key).and(calendar::Column::Version.eq(*version)))
        });
        let rows = calendar::Entity::find().filter(any).all(conn).await?;
        rows.into_iter()
            .map(|row| {
                let saved = Saved::try_from(row)?;
                Ok((saved.of.clone(), Arc::new(saved)))
            })
            .collect()
    };
    let found = app.state::<Calendars>().versions.get_or_load(of, load).await?;
    Ok(found.into_iter().map(|(of, saved)| (of, saved.calendar.clone())).collect())
}

/// One version.
pub async fn version(app: &App, conn: &impl ConnectionTrait, of: &CalendarRef) -> Result<Arc<Calendar>> {
    let mut found = versions(app, conn, vec![of.clone()]).await?;
    found.remove(of).ok_or_else(|| Error::internal(format!("calendar {} version {} is gone", of.key, of.version)))
}
