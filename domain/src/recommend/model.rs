//! What a similar case is.

use std::path::PathBuf;
use std::sync::OnceLock;

use meaning::Engine;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::kernel::{CardId, TicketId, Timestamp, UserId, words};
use crate::runtime::Cursor;
use crate::runtime::shelf::Shelf;
use crate::tickets::decide::rights;
use crate::tickets::model::{Ticket, View};
use crate::tickets::queries::{Indexed, extra_text};

/// Cases that one question may get.
pub const CASES_MAX: usize = 50;
/// The score below which two texts have too little in common to be shown. In [0, 1], see `search::Hit`.
pub const FLOOR: f32 = 0.12;
/// What a field in common adds to a likeness in 0..=1; of several of a kind each its part.
pub const PRODUCT_WEIGHT: f32 = 0.06;
pub const ISSUE_TYPE_WEIGHT: f32 = 0.03;
pub const SKILL_WEIGHT: f32 = 0.015;

/// Cases that an engineer gets with the assignment.
pub const PUSHED: usize = 3;
/// Cases dismissed for one ticket.
pub const VERDICTS_MAX: usize = 100;

words! {
    /// What became of a case that was shown for a ticket.
    SuggestionState {
        Shown = "SHOWN",
        Cited = "CITED",
        Dismissed = "DISMISSED",
    }
}

words! {
    /// Why a case does not help.
    DismissalReason {
        NotSimilar = "NOT_SIMILAR",
        DoesNotHelp = "DOES_NOT_HELP",
        Outdated = "OUTDATED",
        Other = "OTHER",
    }
}

/// A case that was shown for a ticket, or that people said something of.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    pub ticket: TicketId,
    pub case: TicketId,
    /// Of those shown together, from 1; `None`: it was found otherwise.
    pub place: Option<i32>,
    pub score: Option<f32>,
    pub state: SuggestionState,
    pub shown_at: Option<Timestamp>,
    /// When somebody said something of it last.
    pub settled_at: Option<Timestamp>,
    pub reason: Option<DismissalReason>,
}

/// What somebody says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub state: SuggestionState,
    pub by: UserId,
    pub at: Timestamp,
    pub reason: Option<DismissalReason>,
}

/// How many tickets cite a case, and for how many it was dismissed because of what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    pub cited: u64,
    pub dismissed: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct DismissSuggestion {
    pub ticket: TicketId,
    pub case: TicketId,
    pub reason: DismissalReason,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct RestoreSuggestion {
    pub ticket: TicketId,
    pub case: TicketId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecommendEvent {
    /// The weights of likeness were learned anew. `used`: they are better than those that everybody begins with, and hold now.
    RankingLearned { questions: usize, used: bool },
}

/// Solved, readable beside others within its scope.
pub const SOLVED: &str = "solved";
/// Solved, and readable by all staff.
pub const CASE: &str = "case";

/// A text that somebody has a problem with.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub title: String,
    pub description: String,
    pub products: Vec<String>,
    pub issue_type: Option<String>,
    pub skills: Vec<String>,
    /// The ticket that asks: never a case of itself.
    pub asker: Option<TicketId>,
}

impl Question {
    pub fn of(ticket: &Ticket) -> Self {
        Self {
            title: ticket.title.clone(),
            description: ticket.description.clone(),
            products: ticket.product.iter().cloned().collect(),
            issue_type: ticket.issue_type.clone(),
            skills: ticket.required_skills.clone(),
            asker: Some(ticket.id),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct SimilarCase {
    pub view: View,
    /// The card whose case it is.
    pub card: Option<CardId>,
    pub score: f32,
    pub reasons: Vec<search::Reason>,
    /// What was made of it for the ticket that asks; `None`: nothing yet.
    pub state: Option<SuggestionState>,
}

/// What the index keeps of a ticket.
pub fn document(indexed: &Indexed) -> search::Document {
    let Indexed { ticket, participants, refs, attribution } = indexed;
    let mut tags = rights::terms_of(&ticket.snapshot(), participants);
    tags.extend(ticket.product.as_ref().map(|product| format!("product={product}")));
    tags.extend(ticket.issue_type.as_ref().map(|issue_type| format!("issueType={issue_type}")));
    tags.extend(ticket.required_skills.iter().map(|skill| format!("skill={skill}")));
    if ticket.status.is_solved() {
        tags.push(SOLVED.to_owned());
    }
    if rights::is_case(ticket) {
        tags.push(CASE.to_owned());
    }
    search::Document {
        id: ticket.id.0,
        at: ticket.created_at.millis(),
        title: ticket.title.clone(),
        body: ticket.description.clone(),
        extra: extra_text(ticket, refs, attribution.as_ref()),
        tags,
    }
}

/// The encoder of meanings, once it is loaded.
pub struct Meaning {
    /// Of its files; `None`: cases are found by their words alone.
    pub folder: Option<PathBuf>,
    engine: OnceLock<Engine>,
    /// Up to where of the log tickets are encoded.
    pub at: watch::Sender<Cursor>,
}

impl Meaning {
    pub fn of(folder: Option<PathBuf>) -> Self {
        Self { folder, engine: OnceLock::new(), at: watch::Sender::new(Cursor::START) }
    }

    /// Whether there are files of one.
    pub fn is_usable(&self) -> bool {
        self.folder.as_ref().is_some_and(|folder| folder.is_dir())
    }

    pub fn engine(&self) -> Option<&Engine> {
        self.engine.get()
    }

    pub(super) fn ready(&self, engine: Engine) {
        // The task that loads it runs once.
        let _ = self.engine.set(engine);
    }
}

/// The weights that hold now, once they were asked for.
pub struct Learned(pub(super) Shelf<(), search::Weights>);

impl Default for Learned {
    fn default() -> Self {
        Self(Shelf::new(1))
    }
}

impl Learned {
    /// Others were learned.
    pub fn forget(&self) {
        self.0.forget_all();
    }
}

/// Of the text that a vector is made of.
pub fn digest(title: &str, description: &str) -> Vec<u8> {
    Sha256::digest(format!("{title}\n{description}")).to_vec()
}
