//! What was said of a ticket, and what it comes to.

use sha2::{Digest as _, Sha256};

use crate::kernel::Timestamp;
use crate::kernel::words;
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
    /// `None`: the system's word is not known yet. It is kept, and moves nothing.
    pub status: Option<TicketStatus>,
    /// Whether it says that the ticket is taken up again, in so many words.
    pub reopening: bool,
    /// Whether a person here did it.
    pub by_person: bool,
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

    /// By the system's rank and by what its map makes of the word.
    pub fn entry(&self, rank: u32, status: Option<TicketStatus>, reopening: bool) -> Entry {
        let source = Source::System(self.system.to_owned());
        Entry { at: self.at, source, rank, digest: self.digest(), status, reopening, by_person: false }
    }
}

impl Entry {
    /// What was done here, at its place of the order.
    pub fn here(token: &str, at: Timestamp, status: TicketStatus, reopening: bool, by_person: bool) -> Self {
        let mut hasher = Sha256::new();
        for part in [token, status.word()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update(at.millis().to_be_bytes());
        let digest = hasher.finalize().into();
        Self { at, source: Source::Buoy, rank: RANK_OF_BUOY, digest, status: Some(status), reopening, by_person }
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
    /// How often it was taken up again; the first and the last time.
    pub reopenings: i32,
    pub first_reopened_at: Option<Timestamp>,
    pub reopened_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub at: Timestamp,
    pub source: Source,
    pub digest: Digest,
}

words! {
    /// What a report came to when it arrived.
    Outcome {
        /// The truth is another now.
        Applied = "APPLIED",
        /// It says what the truth is.
        Agreed = "AGREED",
        /// It changed nothing: something that happened later says otherwise.
        Stale = "STALE",
        /// It was known before.
        Duplicate = "DUPLICATE",
        /// The system's word is not known; it is kept.
        UnknownWord = "UNKNOWN_WORD",
        /// It was not kept.
        Refused = "REFUSED",
    }
}

/// Different systems, different statuses, within minutes: a maximal run of such neighbours in the total order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// In the total order; the last has won.
    pub reports: Vec<Digest>,
    pub from: Timestamp,
    pub to: Timestamp,
}

words! {
    /// How far the systems that have reported agree.
    Colour {
        /// All do.
        Green = "GREEN",
        /// Some do.
        Yellow = "YELLOW",
        /// No two do.
        Red = "RED",
        /// Nothing, or only one system, has reported.
        Grey = "GREY",
    }
}
