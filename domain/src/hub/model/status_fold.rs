//! Reports of a ticket, and the status that results from them.

use sha2::{Digest as _, Sha256};

use crate::kernel::Timestamp;
use crate::kernel::string_enum;
use crate::tickets::model::TicketStatus;

/// Identifies an entry, and orders entries of the same instant, rank and position; the same on every node.
pub type Digest = [u8; 32];

/// Adds an instant to a digest. Stored digests are of milliseconds, so only a fraction of one adds to that.
pub fn hash_instant(hasher: &mut Sha256, at: Timestamp) {
    hasher.update(at.millis().to_be_bytes());
    if at != at.whole_millis() {
        hasher.update(at.micros().to_be_bytes());
    }
}

/// The rank of local changes; systems have higher ones. At the same instant the lowest rank wins.
pub const RANK_OF_BUOY: u32 = 0;

/// Where an entry comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A user of Buoy, or Buoy itself.
    Buoy,
    /// Another system, by its key.
    System(String),
}

/// A report of a system, or a local change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened, by the clock of its source.
    pub at: Timestamp,
    pub source: Source,
    /// The rank of its source, as registered.
    pub rank: u32,
    /// Its position in its batch of reports, from 0.
    pub position: u32,
    pub digest: Digest,
    /// `None`: the source status is not mapped yet; the entry has no effect until it is.
    pub status: Option<TicketStatus>,
    /// Whether it is an explicit reopening.
    pub reopening: bool,
    /// Whether a user of Buoy did it.
    pub by_person: bool,
}

/// A system's report as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    pub system: &'a str,
    pub token: &'a str,
    pub source_status: &'a str,
    pub event_id: Option<&'a str>,
    pub at: Timestamp,
}

impl Report<'_> {
    /// Identifies the report, the same on every node.
    pub fn digest(&self) -> Digest {
        let mut hasher = Sha256::new();
        for part in [self.system, self.token, self.source_status, self.event_id.unwrap_or_default()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update([u8::from(self.event_id.is_some())]);
        hasher.finalize().into()
    }

    /// The entry of the report, with the system's rank and the mapping of its source status.
    pub fn entry(&self, rank: u32, status: Option<TicketStatus>, reopening: bool) -> Entry {
        let (source, digest) = (Source::System(self.system.to_owned()), self.digest());
        Entry { at: self.at, source, rank, position: 0, digest, status, reopening, by_person: false }
    }
}

impl Entry {
    /// A local change.
    pub fn local(token: &str, at: Timestamp, status: TicketStatus, reopening: bool, by_person: bool) -> Self {
        let mut hasher = Sha256::new();
        for part in [token, status.as_str()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hash_instant(&mut hasher, at);
        let digest = hasher.finalize().into();
        Self {
            at,
            source: Source::Buoy,
            rank: RANK_OF_BUOY,
            position: 0,
            digest,
            status: Some(status),
            reopening,
            by_person,
        }
    }
}

/// The authoritative status of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    pub status: TicketStatus,
    /// The entry that set the status; `None`: nothing has changed it since the ticket was created.
    pub by: Option<Cause>,
    /// The time of the last entry that counts.
    pub at: Option<Timestamp>,
    /// How often it was reopened; the first and the last time.
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

string_enum! {
    /// The outcome of a report at its arrival.
    Outcome {
        /// It changed the truth.
        Applied = "APPLIED",
        /// It agrees with the truth.
        Agreed = "AGREED",
        /// It changed nothing: a later entry overrides it.
        Stale = "STALE",
        /// The same report was received before.
        Duplicate = "DUPLICATE",
        /// The source status is not mapped; the report is stored.
        UnmappedStatus = "UNKNOWN_WORD",
        /// It was rejected and not stored.
        Refused = "REFUSED",
    }
}

/// Reports of different statuses by different systems within minutes: a maximal run of such neighbours in the total order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// In the total order; the last one wins.
    pub reports: Vec<Digest>,
    pub from: Timestamp,
    pub to: Timestamp,
}

string_enum! {
    /// How far the systems that have reported agree.
    Colour {
        /// All agree.
        Green = "GREEN",
        /// At least two agree, and one does not.
        Yellow = "YELLOW",
        /// No two agree.
        Red = "RED",
        /// No system, or only one, has reported.
        Grey = "GREY",
    }
}
