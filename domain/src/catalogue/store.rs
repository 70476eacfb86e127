//! Tables of the catalogue, and their statements.

pub mod catalogue_entry {
    use crate::kernel::TeamId;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "catalogue_entry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub name: String,
        pub name_zh: Option<String>,
        pub archived: bool,
        pub team_id: Option<TeamId>,
        pub confidential: bool,
        /// JSON array of `SkillLevel`.
        pub required_skills: String,
        /// JSON array of texts.
        pub aliases: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod team {
    use crate::kernel::TeamId;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "team")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TeamId,
        pub key: String,
        pub name: String,
        pub name_zh: Option<String>,
        pub confidential: bool,
        pub archived: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};

use super::model::{Entry, Kind, Team};
use crate::kernel::{Error, Result};
use crate::runtime::Executor;

impl From<team::Model> for Team {
    fn from(row: team::Model) -> Self {
        let team::Model { id, key, name, name_zh, confidential, archived } = row;
        Self { id, key, name, name_zh, confidential, archived }
    }
}

impl catalogue_entry::Model {
    pub(super) fn into_entry(self) -> Option<Entry> {
        let Self { kind, key, name, name_zh, archived, team_id, confidential, required_skills, aliases } = self;
        let kind = kind.parse::<Kind>().ok()?;
        let required_skills = serde_json::from_str(&required_skills).unwrap_or_default();
        let aliases = serde_json::from_str(&aliases).unwrap_or_default();
        Some(Entry { kind, key, name, name_zh, archived, team: team_id, confidential, required_skills, aliases })
    }
}

/// Inserts an entry, or updates the one with this key.
pub(super) async fn upsert_entry(conn: &Executor, entry: Entry) -> Result<()> {
    use catalogue_entry::Column;
    let Entry { kind, key, name, name_zh, archived, team, confidential, required_skills, aliases } = entry;
    let row = catalogue_entry::ActiveModel {
        kind: Set(kind.as_str().to_owned()),
        key: Set(key),
        name: Set(name),
        name_zh: Set(name_zh),
        archived: Set(archived),
        team_id: Set(team),
        confidential: Set(confidential),
        required_skills: Set(serde_json::to_string(&required_skills).map_err(Error::internal)?),
        aliases: Set(serde_json::to_string(&aliases).map_err(Error::internal)?),
    };
    let mut replace = OnConflict::columns([Column::Kind, Column::Key]);
    replace.update_columns([Column::Name, Column::NameZh, Column::Archived]).update_columns([
        Column::TeamId,
        Column::Confidential,
        Column::RequiredSkills,
        Column::Aliases,
    ]);
    catalogue_entry::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Inserts a team, or updates the one with this key.
pub(super) async fn upsert_team(conn: &Executor, team: Team) -> Result<()> {
    use team::Column;
    let Team { id, key, name, name_zh, confidential, archived } = team;
    let row = team::ActiveModel {
        id: Set(id),
        key: Set(key),
        name: Set(name),
        name_zh: Set(name_zh),
        confidential: Set(confidential),
        archived: Set(archived),
    };
    let mut replace = OnConflict::column(Column::Key);
    replace.update_columns([Column::Name, Column::NameZh, Column::Confidential, Column::Archived]);
    team::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}
