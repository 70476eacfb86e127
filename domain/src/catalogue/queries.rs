//! Reads of the catalogue.

use std::sync::Arc;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide::product_terms;
use super::model::{CatalogueCache, CatalogueSnapshot, Entry, Kind, LEVELS, SkillLevel, Team};
use super::store::{catalogue_entry as entry, team};
use crate::kernel::text::has_no_control_chars;
use crate::kernel::{Code, Refusal, Result, TeamId, boxed, refuse};
use crate::msg;
use crate::runtime::{App, Executor, Tx};

/// Far more entries than anyone maintains by hand.
pub const ENTRIES_MAX: u64 = 5_000;

#[boxed]
pub async fn all(conn: &Executor) -> Result<Vec<Entry>> {
    let rows = entry::Entity::find()
        .order_by_asc(entry::Column::Kind)
        .order_by_asc(entry::Column::Key)
        .limit(ENTRIES_MAX)
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(entry::Model::into_entry).collect())
}

/// The whole catalogue, cached.
#[boxed]
pub async fn cached(app: &App) -> Result<Arc<CatalogueSnapshot>> {
    let load = async |_| {
        let conn = app.db.read();
        let teams = all_teams(conn).await?.into_iter().map(|team| (team.id, team)).collect();
        let entries = all(conn).await?;
        let product_terms = product_terms(&entries);
        Ok(vec![((), Arc::new(CatalogueSnapshot { entries, teams, product_terms }))])
    };
    let mut found = app.state::<CatalogueCache>().0.get_or_load(vec![()], load).await?;
    Ok(found.remove(&()).unwrap_or_default())
}

#[boxed]
pub async fn find(conn: &Executor, kind: Kind, key: &str) -> Result<Option<Entry>> {
    if !has_no_control_chars(key) {
        return Ok(None);
    }
    let row = entry::Entity::find_by_id((kind.as_str().to_owned(), key.to_owned())).one(conn).await?;
    Ok(row.and_then(entry::Model::into_entry))
}

/// The usable entry with a key from an input. If the cache does not have it, reads the database.
pub async fn require(tx: &Tx, kind: Kind, field: &str, key: &str) -> Result<Entry> {
    let known = cached(tx.app()).await?;
    let usable = |entry: &Entry| entry.kind == kind && entry.key == key && !entry.archived;
    if let Some(entry) = known.entries.iter().find(|entry| usable(entry)) {
        return Ok(entry.clone());
    }
    find(tx.conn(), kind, key).await?.filter(usable).ok_or_else(|| unknown_key(field, key).into())
}

/// The team with an id.
#[boxed]
pub async fn team(tx: &Tx, id: TeamId) -> Result<Option<Team>> {
    if let Some(team) = cached(tx.app()).await?.teams.get(&id) {
        return Ok(Some(team.clone()));
    }
    Ok(teams(tx.conn(), vec![id]).await?.pop())
}

/// Validates and deduplicates the keys of an input.
pub async fn check_keys(tx: &Tx, kind: Kind, field: &str, keys: &[String]) -> Result<Vec<String>> {
    let mut checked: Vec<String> = Vec::new();
    for key in keys {
        if !checked.contains(key) {
            checked.push(require(tx, kind, field, key).await?.key);
        }
    }
    Ok(checked)
}

/// Validates the skills of an input. Of several levels of a skill the last one counts.
pub async fn check_skill_levels(tx: &Tx, field: &str, given: &[SkillLevel]) -> Result<Vec<SkillLevel>> {
    let keys: Vec<String> = given.iter().map(|given| given.skill.clone()).collect();
    let known = check_keys(tx, Kind::Skill, &format!("{field}.skill"), &keys).await?;
    if let Some(SkillLevel { skill, .. }) = given.iter().find(|given| !LEVELS.contains(&given.level)) {
        let message = msg!("catalogue-skill-level-out-of-range", skill = skill);
        return Err(refuse(Code::Invalid, &format!("{field}.level"), message).into());
    }
    let level = |skill: &String| given.iter().rev().find(|given| given.skill == *skill).map(|given| given.level);
    Ok(known.into_iter().filter_map(|skill| Some(SkillLevel { level: level(&skill)?, skill })).collect())
}

pub fn unknown_key(field: &str, key: &str) -> Refusal {
    let key: String = key.chars().take(80).collect();
    refuse(Code::UnknownKey, field, msg!("catalogue-key-unknown", field = field, key = key))
}

#[boxed]
pub async fn teams(conn: &Executor, ids: Vec<TeamId>) -> Result<Vec<Team>> {
    Ok(team::Entity::find().filter(team::Column::Id.is_in(ids)).all(conn).await?.into_iter().map(Into::into).collect())
}

pub async fn team_by_key(conn: &Executor, key: &str) -> Result<Option<Team>> {
    if !has_no_control_chars(key) {
        return Ok(None);
    }
    Ok(team::Entity::find().filter(team::Column::Key.eq(key)).one(conn).await?.map(Into::into))
}

/// The usable team with a key from an input.
pub async fn require_team(conn: &Executor, field: &str, key: &str) -> Result<Team> {
    match team_by_key(conn, key).await?.filter(|team| !team.archived) {
        Some(team) => Ok(team),
        None => Err(unknown_key(field, key).into()),
    }
}

#[boxed]
pub async fn all_teams(conn: &Executor) -> Result<Vec<Team>> {
    let rows = team::Entity::find().order_by_asc(team::Column::Key).limit(ENTRIES_MAX).all(conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}
