//! What a similar case is.

use std::path::PathBuf;
use std::sync::OnceLock;

use meaning::Engine;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::kernel::{CardId, TicketId};
use crate::runtime::Cursor;
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

/// Of the text that a vector is made of.
pub fn digest(title: &str, description: &str) -> Vec<u8> {
    Sha256::digest(format!("{title}\n{description}")).to_vec()
}
