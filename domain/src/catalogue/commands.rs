//! Saving entries and teams.

use super::model::{CatalogueEvent, Entry, Kind, REQUIRED_SKILLS_MAX, SOLUTION_TAGS, SaveEntry, SaveTeam, Team};
use super::{decide, queries, store};
use crate::kernel::text::{NAME_CHARS_MAX, key, line};
use crate::kernel::{Code, Result, TeamId, boxed, refuse};
use crate::msg;
use crate::runtime::{Command, Tx};

impl Command for SaveEntry {
    const NAME: &'static str = "saveCatalogueEntry";
    type Output = String;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<String> {
        tx.actor().require_admin()?;
        let Self { kind, key: given, name, name_zh, archived, team_key, confidential, required_skills, aliases } = self;
        let key = key("key", given)?;
        let before = queries::find(tx.conn(), *kind, &key).await?;
        let team = match team_key.as_deref() {
            Some("") => None,
            Some(team) => Some(queries::require_team(tx.conn(), "teamKey", team).await?.id),
            None if *kind == Kind::Product => before.as_ref().and_then(|before| before.team),
            None => None,
        };
        let required_skills = match required_skills {
            Some(given) if given.len() > REQUIRED_SKILLS_MAX => {
                let message = msg!("catalogue-skills-too-many", count = given.len(), max = REQUIRED_SKILLS_MAX);
                return Err(refuse(Code::LimitExceeded, "requiredSkills", message).into());
            }
            Some(given) => queries::check_skill_levels(tx, "requiredSkills", given).await?,
            None => before.as_ref().map(|before| before.required_skills.clone()).unwrap_or_default(),
        };
        let aliases = match aliases {
            Some(given) => decide::check_aliases(given)?,
            None => before.as_ref().map(|before| before.aliases.clone()).unwrap_or_default(),
        };
        let confidentiality = before.as_ref().is_some_and(|before| before.confidential != *confidential);
        let entry = Entry {
            kind: *kind,
            key: key.clone(),
            name: line("name", name, NAME_CHARS_MAX)?,
            name_zh: name_zh.as_deref().map(|name| line("nameZh", name, NAME_CHARS_MAX)).transpose()?,
            archived: *archived,
            team,
            confidential: *confidential,
            required_skills,
            aliases,
        };
        let renamed = before.is_some_and(|before| before.name != entry.name || before.name_zh != entry.name_zh);
        store::upsert_entry(tx.conn(), entry).await?;
        let saved = CatalogueEvent::CatalogueSaved { kind: *kind, key: key.clone(), confidentiality, renamed };
        tx.record(saved).await?;
        Ok(key)
    }
}

impl Command for SaveTeam {
    const NAME: &'static str = "saveTeam";
    type Output = TeamId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TeamId> {
        tx.actor().require_admin()?;
        let Self { key: given, name, name_zh, confidential, archived } = self;
        let key = key("key", given)?;
        let before = queries::team_by_key(tx.conn(), &key).await?;
        let confidentiality = before.as_ref().is_some_and(|before| before.confidential != *confidential);
        let id = before.map_or_else(|| TeamId(tx.new_uuid()), |team| team.id);
        let team = Team {
            id,
            key: key.clone(),
            name: line("name", name, NAME_CHARS_MAX)?,
            name_zh: name_zh.as_deref().map(|name| line("nameZh", name, NAME_CHARS_MAX)).transpose()?,
            confidential: *confidential,
            archived: *archived,
        };
        store::upsert_team(tx.conn(), team).await?;
        tx.record(CatalogueEvent::TeamSaved { team: id, key, confidentiality }).await?;
        Ok(id)
    }
}

/// Creates the solution tags that attribution needs in a new installation.
#[boxed]
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
            required_skills: None,
            aliases: None,
        };
        entry.run(tx).await?;
    }
    Ok(())
}
