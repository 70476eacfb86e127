//! Reads of the catalogue.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::model::{Entry, Kind, Team};
use super::store::{catalogue_entry as entry, team};
use crate::kernel::{Code, Refusal, Result, TeamId, refuse};

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

pub async fn find(conn: &impl ConnectionTrait, kind: Kind, key: &str) -> Result<Option<Entry>> {
    let row = entry::Entity::find_by_id((kind.word().to_owned(), key.to_owned())).one(conn).await?;
    Ok(row.and_then(entry::Model::into_entry))
}

/// The entry that an input names.
pub async fn require(conn: &impl ConnectionTrait, kind: Kind, field: &str, key: &str) -> Result<Entry> {
    match find(conn, kind, key).await?.filter(|entry| !entry.archived) {
        Some(entry) => Ok(entry),
        None => Err(unknown_key(field, key).into()),
    }
}

/// The keys of an input, each once, all known.
pub async fn check_keys(conn: &impl ConnectionTrait, kind: Kind, field: &str, keys: &[String]) -> Result<Vec<String>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let known: Vec<String> = entry::Entity::find()
        .select_only()
        .column(entry::Column::Key)
        .filter(entry::Column::Kind.eq(kind.word()))
        .filter(entry::Column::Key.is_in(keys))
        .filter(entry::Column::Archived.eq(false))
        .into_tuple()
        .all(conn)
        .await?;
    let mut checked: Vec<String> = Vec::new();
    for key in keys {
        if !known.contains(key) {
            return Err(unknown_key(field, key).into());
        }
        if !checked.contains(key) {
            checked.push(key.clone());
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
