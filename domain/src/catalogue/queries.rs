//! Reads of the catalogue.

use std::sync::Arc;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::model::{Entry, Everything, Kind, Team, Words};
use super::store::{catalogue_entry as entry, team};
use crate::kernel::text::can_name;
use crate::kernel::{Code, Refusal, Result, TeamId, refuse};
use crate::runtime::{App, Tx};

/// A catalogue is written by hand; this is far beyond what anyone maintains.
pub const ENTRIES_MAX: u64 = 5_000;

pub async fn all(conn: &impl ConnectionTrait) -> Result<Vec<Entry>> {
    let rows = entry::Entity::find()
        .order_by_asc(entry::Column::Kind)
        .order_by_asc(entry::Column::Key)
        .limit(ENTRIES_MAX)
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(entry::Model::into_entry).collect())
}

/// The whole catalogue, from memory.
pub async fn everything(app: &App) -> Result<Arc<Everything>> {
    let load = async |_| {
        let conn = app.db.read();
        let teams = all_teams(conn).await?.into_iter().map(|team| (team.id, team)).collect();
        Ok(vec![((), Arc::new(Everything { entries: all(conn).await?, teams }))])
    };
    let mut found = app.state::<Words>().0.get_or_load(vec![()], load).await?;
    Ok(found.remove(&()).unwrap_or_default())
}

pub async fn find(conn: &impl ConnectionTrait, kind: Kind, key: &str) -> Result<Option<Entry>> {
    if !can_name(key) {
        return Ok(None);
    }
    let row = entry::Entity::find_by_id((kind.word().to_owned(), key.to_owned())).one(conn).await?;
    Ok(row.and_then(entry::Model::into_entry))
}

/// The entry that an input names. What memory does not know (yet) the database is asked for.
pub async fn require(tx: &Tx, kind: Kind, field: &str, key: &str) -> Result<Entry> {
    let known = everything(tx.app()).await?;
    let usable = |entry: &Entry| entry.kind == kind && entry.key == key && !entry.archived;
    if let Some(entry) = known.entries.iter().find(|entry| usable(entry)) {
        return Ok(entry.clone());
    }
    find(tx.conn(), kind, key).await?.filter(usable).ok_or_else(|| unknown_key(field, key).into())
}

/// The team of a known entry.
pub async fn team(tx: &Tx, id: TeamId) -> Result<Option<Team>> {
    if let Some(team) = everything(tx.app()).await?.teams.get(&id) {
        return Ok(Some(team.clone()));
    }
    Ok(teams(tx.conn(), vec![id]).await?.pop())
}

/// The keys of an input, each once, all known.
pub async fn check_keys(tx: &Tx, kind: Kind, field: &str, keys: &[String]) -> Result<Vec<String>> {
    let mut checked: Vec<String> = Vec::new();
    for key in keys {
        if !checked.contains(key) {
            checked.push(require(tx, kind, field, key).await?.key);
        }
    }
    Ok(checked)
}

pub fn unknown_key(field: &str, key: &str) -> Refusal {
    let key: String = key.chars().take(80).collect();
    refuse(
        Code::UnknownKey,
        field,
        format!("{field}: {key:?} is not in the catalogue; ask catalogue for the keys."),
        format!("{field}：目录中没有“{key}”，可用 catalogue 查询已有的键。"),
    )
}

pub async fn teams(conn: &impl ConnectionTrait, ids: Vec<TeamId>) -> Result<Vec<Team>> {
    Ok(team::Entity::find().filter(team::Column::Id.is_in(ids)).all(conn).await?.into_iter().map(Into::into).collect())
}

pub async fn team_by_key(conn: &impl ConnectionTrait, key: &str) -> Result<Option<Team>> {
    if !can_name(key) {
        return Ok(None);
    }
    Ok(team::Entity::find().filter(team::Column::Key.eq(key)).one(conn).await?.map(Into::into))
}

/// The team that an input names by its key.
pub async fn require_team(conn: &impl ConnectionTrait, field: &str, key: &str) -> Result<Team> {
    match team_by_key(conn, key).await?.filter(|team| !team.archived) {
        Some(team) => Ok(team),
        None => Err(unknown_key(field, key).into()),
    }
}

pub async fn all_teams(conn: &impl ConnectionTrait) -> Result<Vec<Team>> {
    let rows = team::Entity::find().order_by_asc(team::Column::Key).limit(ENTRIES_MAX).all(conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}
