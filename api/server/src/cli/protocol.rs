//! What the command line and a running server say to each other.

use std::path::PathBuf;

use domain::audit::queries::Report;
use domain::backup::model::{CopyProgress, CopySummary};
use domain::import::model::{PartialTicket, Progress, RejectedRow, Summary};
use domain::kernel::{Locale, Role};
use serde::{Deserialize, Serialize};

/// What the command line sends to a server.
#[derive(Serialize, Deserialize)]
pub struct Envelope {
    /// The language of the responses.
    pub locale: Locale,
    pub request: Request,
}

#[derive(Serialize, Deserialize)]
pub enum Request {
    Import {
        map: String,
        dry_run: bool,
    },
    AddUser {
        email: String,
        name: String,
        roles: Vec<Role>,
        teams: Vec<String>,
        customer: Option<String>,
        password: String,
    },
    VerifyAudit,
    /// Into a new folder, named by its absolute path.
    Backup {
        to: PathBuf,
    },
    Doctor {
        retry_buried: bool,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Response {
    Progress(Progress),
    Refused(RejectedRow),
    ImportedPartially(PartialTicket),
    Verifying(u64),
    Imported(Summary),
    UserAdded(String),
    Verified(Report),
    Copying(CopyProgress),
    BackedUp(CopySummary),
    Examined(Vec<Finding>),
    Failed(String),
}

/// The result of one check of `buoy doctor`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    pub what: String,
    /// What to do; `None` if the check passed.
    pub remedy: Option<String>,
    /// Nothing is broken; the installation is not set up yet.
    pub is_setup: bool,
}

impl Finding {
    pub fn healthy(what: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: None, is_setup: false }
    }

    pub fn problem(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: Some(remedy.into()), is_setup: false }
    }

    pub fn setup(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { is_setup: true, ..Self::problem(what, remedy) }
    }
}
