//! Reports, and what they come to.

use sha2::{Digest as _, Sha256};

use crate::kernel::Timestamp;
use crate::tickets::model::TicketStatus;

/// What tells entries of the same instant apart, the same on every node.
pub type Digest = [u8; 32];

/// The rank of what is done here; systems have higher ones. Among entries of one instant the lowest rank wins.
pub const RANK_OF_BUOY: u32 = 0;

/// Who says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A person here, or Buoy itself.
    Buoy,
    /// Another system, by its key.
    System(String),
}

/// What a system reported of a ticket, or what was done to it here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened, as its source says.
    pub at: Timestamp,
    pub source: Source,
    /// Of its source, as it is registered.
    pub rank: u32,
    pub digest: Digest,
    /// What the source calls it, where it does: no two entries of a ticket have the same name and say different things.
    pub name: Option<Digest>,
    /// `None`: the system's word is not known yet. It is kept, and moves nothing.
    pub status: Option<TicketStatus>,
    /// Whether it says that the ticket is taken up again, in so many words.
    pub reopening: bool,
}

/// A system's report as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    pub system: &'a str,
    pub token: &'a str,
    pub word: &'a str,
    pub event_id: Option<&'a str>,
    pub at: Timestamp,
}

impl Report<'_> {
    /// What the report is called wherever it arrives.
    pub fn digest(&self) -> Digest {
        let mut hasher = Sha256::new();
        for part in [self.system, self.token, self.word, self.event_id.unwrap_or_default()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update([u8::from(self.event_id.is_some())]);
        hasher.finalize().into()
    }

    /// What the system calls it.
    fn name(&self) -> Option<Digest> {
        let event_id = self.event_id?;
        let mut hasher = Sha256::new();
        for part in [self.system, event_id] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Some(hasher.finalize().into())
    }

    /// By the system's rank and by what its map makes of the word.
    pub fn entry(&self, rank: u32, status: Option<TicketStatus>, reopening: bool) -> Entry {
        let source = Source::System(self.system.to_owned());
        Entry { at: self.at, source, rank, digest: self.digest(), name: self.name(), status, reopening }
    }
}

/// Where a ticket stands, by all that was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    pub status: TicketStatus,
    /// The entry that brought it there; `None`: nothing has moved it since it was created.
    pub by: Option<Cause>,
    /// The instant of the last entry that the truth rests on.
    pub at: Option<Timestamp>,
    /// How often it was taken up again.
    pub reopenings: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub at: Timestamp,
    pub source: Source,
    pub digest: Digest,
}

/// What an entry came to when it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The truth is another now.
    Applied,
    /// It says what the truth is.
    Agreed,
    /// It changed nothing: something that happened later says otherwise.
    Stale,
    /// It was known before.
    Duplicate,
    /// The system's word is not known; it is kept.
    UnknownWord,
    /// Its source has said something else by the same name: not kept.
    Refused,
}

/// Different systems, different statuses, within minutes: a maximal run of such neighbours in the total order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// In the total order; the last has won.
    pub reports: Vec<Digest>,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// What a system has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    pub system: String,
    pub status: TicketStatus,
    /// Names the correction wherever it is derived; a report that carries it is its echo.
    pub cause: Digest,
}

/// How far the systems that have reported agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Green,
    Yellow,
    Red,
    /// Nothing, or only one system, has reported.
    Grey,
}

/// What a step lacks before a ticket can take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Attribution,
    Assignee,
}

/// A reported step that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingReport {
    pub status: TicketStatus,
    /// Who reported it.
    pub source: Source,
    pub since: Timestamp,
    pub needs: Needs,
}

/// What a ticket makes of the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow {
    /// It stands there already.
    Stands,
    /// It takes the step.
    Step(TicketStatus),
    /// It stays where it is until somebody supplies what is missing.
    Pending(PendingReport),
}
