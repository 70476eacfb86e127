//! Entries of the catalogue.

use std::collections::{HashMap, HashSet};
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
    /// For an issue type or a product: the team that gets its tickets. That of the issue type comes first.
    pub team: Option<TeamId>,
    /// For an issue type: its tickets are never shown to others as similar cases.
    pub confidential: bool,
    /// For an issue type or a product: the skills that its tickets require, with the lowest level that will do.
    pub required_skills: Vec<SkillLevel>,
    /// For a product: models, beginnings of part numbers and other names by which texts mean it.
    pub aliases: Vec<String>,
}

/// Skill levels: 1 (beginner) to 5 (teaches others).
pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=5;

/// A skill with a level: that of a person, or the lowest that a ticket accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillLevel {
    pub skill: String,
    pub level: i32,
}

/// Skills that an issue type or a product may require.
pub const REQUIRED_SKILLS_MAX: usize = 20;
pub const ALIASES_MAX: usize = 50;
pub const ALIAS_CHARS_MAX: usize = 64;

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
    /// `None`: none for an issue type, unchanged for a product; `Some("")`: none.
    pub team_key: Option<String>,
    pub confidential: bool,
    /// `None`: unchanged.
    pub required_skills: Option<Vec<SkillLevel>>,
    /// `None`: unchanged.
    pub aliases: Option<Vec<String>>,
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
    pub product_terms: ProductTerms,
}

/// The words by which texts name products: keys, names and aliases.
#[derive(Debug, Default)]
pub struct ProductTerms {
    /// By their letters and digits, in lower case and half width.
    pub(super) by_text: HashMap<String, Vec<ProductTerm>>,
    /// The first characters of all.
    pub(super) first_chars: HashSet<char>,
    /// The characters of the longest one.
    pub(super) chars_max: usize,
}

/// One of them.
#[derive(Debug)]
pub(super) struct ProductTerm {
    pub product: String,
    /// As it stands in the catalogue.
    pub term: String,
    /// After how many of its letters and digits something else stands.
    pub breaks: Vec<usize>,
}

/// Which product a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductMatch {
    Nothing,
    /// `term`: the key, name or alias that the text contains.
    Product {
        key: String,
        term: String,
    },
    /// Several products equally clearly: their keys.
    Ambiguous(Vec<String>),
}

impl CatalogueSnapshot {
    /// The entry with a key, archived or not.
    pub fn entry(&self, kind: Kind, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.kind == kind && entry.key == key)
    }

    /// The name of an entry; its key where there is none.
    pub fn entry_name(&self, kind: Kind, key: &str, language: Locale) -> String {
        let entry = self.entry(kind, key);
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
