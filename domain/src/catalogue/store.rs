//! Tables of the catalogue.

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

use super::model::{Entry, Kind, Team};

impl From<team::Model> for Team {
    fn from(row: team::Model) -> Self {
        let team::Model { id, key, name, name_zh, confidential, archived } = row;
        Self { id, key, name, name_zh, confidential, archived }
    }
}

impl catalogue_entry::Model {
    pub(super) fn into_entry(self) -> Option<Entry> {
        let Self { kind, key, name, name_zh, archived, team_id, confidential } = self;
        let kind = Kind::parse(&kind)?;
        Some(Entry { kind, key, name, name_zh, archived, team: team_id, confidential })
    }
}
