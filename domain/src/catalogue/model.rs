//! Entries of the catalogue.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kernel::{Locale, TeamId, UnknownValue};
use crate::runtime::{LogEvent, LookupCache};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    IssueType,
    Product,
    SolutionTag,
    CauseTag,
    Skill,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IssueType => "ISSUE_TYPE",
            Self::Product => "PRODUCT",
            Self::SolutionTag => "SOLUTION_TAG",
            Self::CauseTag => "CAUSE_TAG",
            Self::Skill => "SKILL",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        [Self::IssueType, Self::Product, Self::SolutionTag, Self::CauseTag, Self::Skill]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownValue)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    pub key: String,
    pub name: String,
    pub name_zh: Option<String>,
    pub archived: bool,
    /// For an issue type: the team that gets its tickets.
    pub team: Option<TeamId>,
    /// For an issue type: its tickets are never shown to others as similar cases.
    pub confidential: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CatalogueEvent {
    CatalogueSaved {
        kind: Kind,
        key: String,
        /// Whether `confidential` has changed.
        #[serde(default)]
        confidentiality: bool,
        /// Whether its name has changed, in any language.
        #[serde(default)]
        renamed: bool,
    },
    TeamSaved {
        team: TeamId,
        key: String,
        /// Whether `confidential` has changed.
        #[serde(default)]
        confidentiality: bool,
    },
}

/// A team with its own ticket queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub id: TeamId,
    pub key: String,
    pub name: String,
    pub name_zh: Option<String>,
    /// Its tickets are never shown to others as similar cases.
    pub confidential: bool,
    pub archived: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct SaveTeam {
    pub key: String,
    pub name: String,
    pub name_zh: Option<String>,
    pub confidential: bool,
    pub archived: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct SaveEntry {
    pub kind: Kind,
    pub key: String,
    pub name: String,
    pub name_zh: Option<String>,
    pub archived: bool,
    pub team_key: Option<String>,
    pub confidential: bool,
}

/// The solution tags of a new installation.
pub const SOLUTION_TAGS: [(&str, &str, &str); 4] = [
    ("RESTART", "Restart", "重启"),
    ("REINSTALL", "Reinstall", "重装"),
    ("PATCH", "Patch", "补丁"),
    ("PROCESS_IMPROVEMENT", "Process improvement", "流程优化"),
];

/// The cache of the catalogue.
pub struct CatalogueCache(pub(super) LookupCache<(), Arc<CatalogueSnapshot>>);

impl Default for CatalogueCache {
    fn default() -> Self {
        Self(LookupCache::new(1))
    }
}

impl CatalogueCache {
    /// Drops the cached catalogue after a change.
    pub fn invalidate(&self) {
        self.0.invalidate_all();
    }
}

/// The whole catalogue at one moment.
#[derive(Debug, Default)]
pub struct CatalogueSnapshot {
    pub entries: Vec<Entry>,
    pub teams: HashMap<TeamId, Team>,
}

impl CatalogueSnapshot {
    /// The name of an entry; its key where there is none.
    pub fn entry_name(&self, kind: Kind, key: &str, language: Locale) -> String {
        let entry = self.entries.iter().find(|entry| entry.kind == kind && entry.key == key);
        entry.map_or_else(|| key.to_owned(), |entry| language.name(&entry.name, entry.name_zh.as_deref()).to_owned())
    }
}

impl LogEvent for CatalogueEvent {
    const TAG: &'static str = "Catalogue";

    fn kind(&self) -> &'static str {
        match self {
            Self::CatalogueSaved { .. } => "CatalogueSaved",
            Self::TeamSaved { .. } => "TeamSaved",
        }
    }

    fn subject(&self) -> (&'static str, Uuid) {
        match self {
            Self::CatalogueSaved { .. } => ("catalogue_entry", Uuid::nil()),
            Self::TeamSaved { team, .. } => ("team", team.0),
        }
    }
}
