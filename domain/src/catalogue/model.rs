//! Entries of the catalogue.

use serde::{Deserialize, Serialize};

use crate::kernel::TeamId;

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
    CatalogueSaved { kind: Kind, key: String },
    TeamSaved { team: TeamId, key: String },
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
