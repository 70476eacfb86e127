//! Entries of the catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kernel::TeamId;
use crate::runtime::Shelf;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    IssueType,
    Product,
    SolutionTag,
    CauseTag,
    Skill,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::IssueType => "ISSUE_TYPE",
            Self::Product => "PRODUCT",
            Self::SolutionTag => "SOLUTION_TAG",
            Self::CauseTag => "CAUSE_TAG",
            Self::Skill => "SKILL",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::IssueType, Self::Product, Self::SolutionTag, Self::CauseTag, Self::Skill]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    pub key: String,
    pub name: String,
    pub name_zh: Option<String>,
    pub archived: bool,
    /// Issue type: the team whose queue its tickets go to.
    pub team: Option<TeamId>,
    /// Issue type: its tickets are never cases for others.
    pub confidential: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CatalogueEvent {
    CatalogueSaved {
        kind: Kind,
        key: String,
        /// Whether its tickets are cases for others has changed.
        #[serde(default)]
        confidentiality: bool,
    },
    TeamSaved {
        team: TeamId,
        key: String,
        /// Whether its tickets are cases for others has changed.
        #[serde(default)]
        confidentiality: bool,
    },
}

/// A department whose queue tickets stand in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub id: TeamId,
    pub key: String,
    pub name: String,
    pub name_zh: Option<String>,
    /// Its tickets are never cases for others.
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

/// The solution tags every installation begins with.
pub const SOLUTION_TAGS: [(&str, &str, &str); 4] = [
    ("RESTART", "Restart", "重启"),
    ("REINSTALL", "Reinstall", "重装"),
    ("PATCH", "Patch", "补丁"),
    ("PROCESS_IMPROVEMENT", "Process improvement", "流程优化"),
];

/// All words of the house, in memory.
pub struct Words(pub(super) Shelf<(), Arc<Everything>>);

impl Default for Words {
    fn default() -> Self {
        Self(Shelf::new(1))
    }
}

impl Words {
    /// Something was saved.
    pub fn forget(&self) {
        self.0.forget_all();
    }
}

/// The catalogue as it is read at once.
#[derive(Debug, Default)]
pub struct Everything {
    pub entries: Vec<Entry>,
    pub teams: HashMap<TeamId, Team>,
}
