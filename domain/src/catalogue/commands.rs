//! Saving entries.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};

use super::model::{CatalogueEvent, Kind, SOLUTION_TAGS, SaveEntry, SaveTeam};
use super::queries;
use super::store::{catalogue_entry as entry, team};
use crate::event::Event;
use crate::kernel::text::{NAME_CHARS_MAX, key, line};
use crate::kernel::{Result, TeamId};
use crate::runtime::{Command, Tx};

impl Command for SaveEntry {
    const NAME: &'static str = "saveCatalogueEntry";
    type Output = String;

    async fn run(&self, tx: &mut Tx) -> Result<String> {
        tx.actor().require_admin()?;
        let Self { kind, key: given, name, name_zh, archived, team_key, confidential } = self;
        let key = key("key", given)?;
        let team = match team_key {
            Some(team) => Some(queries::require_team(tx.conn(), "teamKey", team).await?.id),
            None => None,
        };
        let before = queries::find(tx.conn(), *kind, &key).await?;
        let confidentiality = before.is_some_and(|before| before.confidential != *confidential);
        let row = entry::ActiveModel {
            kind: Set(kind.word().to_owned()),
            key: Set(key.clone()),
            name: Set(line("name", name, NAME_CHARS_MAX)?),
            name_zh: Set(name_zh.as_deref().map(|name| line("nameZh", name, NAME_CHARS_MAX)).transpose()?),
            archived: Set(*archived),
            team_id: Set(team),
            confidential: Set(*confidential),
        };
        let mut replace = OnConflict::columns([entry::Column::Kind, entry::Column::Key]);
        replace
            .update_columns([entry::Column::Name, entry::Column::NameZh, entry::Column::Archived])
            .update_columns([entry::Column::TeamId, entry::Column::Confidential]);
        entry::Entity::insert(row).on_conflict(replace).exec_without_returning(tx.conn()).await?;
        let saved = CatalogueEvent::CatalogueSaved { kind: *kind, key: key.clone(), confidentiality };
        tx.record(Event::Catalogue(saved)).await?;
        Ok(key)
    }
}

impl Command for SaveTeam {
    const NAME: &'static str = "saveTeam";
    type Output = TeamId;

    async fn run(&self, tx: &mut Tx) -> Result<TeamId> {
        tx.actor().require_admin()?;
        let Self { key: given, name, name_zh, confidential, archived } = self;
        let key = key("key", given)?;
        let before = queries::team_by_key(tx.conn(), &key).await?;
        let confidentiality = before.as_ref().is_some_and(|before| before.confidential != *confidential);
        let id = before.map_or_else(|| TeamId(tx.new_uuid()), |team| team.id);
        let row = team::ActiveModel {
            id: Set(id),
            key: Set(key.clone()),
            name: Set(line("name", name, NAME_CHARS_MAX)?),
            name_zh: Set(name_zh.as_deref().map(|name| line("nameZh", name, NAME_CHARS_MAX)).transpose()?),
            confidential: Set(*confidential),
            archived: Set(*archived),
        };
        let mut replace = OnConflict::column(team::Column::Key);
        replace.update_columns([
            team::Column::Name,
            team::Column::NameZh,
            team::Column::Confidential,
            team::Column::Archived,
        ]);
        team::Entity::insert(row).on_conflict(replace).exec_without_returning(tx.conn()).await?;
        tx.record(Event::Catalogue(CatalogueEvent::TeamSaved { team: id, key, confidentiality })).await?;
        Ok(id)
    }
}

/// Gives an empty installation the tags that attribution needs.
pub async fn seed(tx: &mut Tx) -> Result<()> {
    for (key, name, name_zh) in SOLUTION_TAGS {
        let entry = SaveEntry {
            kind: Kind::SolutionTag,
            key: key.to_owned(),
            name: name.to_owned(),
            name_zh: Some(name_zh.to_owned()),
            archived: false,
            team_key: None,
            confidential: false,
        };
        entry.run(tx).await?;
    }
    Ok(())
}
