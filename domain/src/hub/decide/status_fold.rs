//! The fold of reports into one status: pure, and independent of the order of arrival.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::hub::model::{Cause, Colour, Conflict, Digest, Entry, Outcome, Source, Truth, hash_instant};
use crate::kernel::Timestamp;
use crate::tickets::model::TicketStatus;

/// Whether a report's time is within the allowed clock skew.
pub fn is_timely(now: Timestamp, at: Timestamp, skew_max: Duration) -> bool {
    at <= now + skew_max
}

/// The sort key of the total order; no part of it is assigned at receipt. The last entry wins: at the same instant, the one
/// with the lowest rank, and of one batch the later report.
fn order_key(entry: &Entry) -> (Timestamp, Reverse<u32>, u32, Digest) {
    (entry.at, Reverse(entry.rank), entry.position, entry.digest)
}

/// All reports and local changes of one ticket, in the total order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusFold {
    entries: Vec<Entry>,
    /// What systems report of an earlier time has no effect.
    begins_at: Timestamp,
}

impl StatusFold {
    /// From stored entries, in any order. Nothing happens to a ticket before it is created; systems may report whole seconds, so
    /// the second of its creation counts.
    pub fn from_entries(mut entries: Vec<Entry>, created_at: Timestamp) -> Self {
        entries.sort_by_cached_key(order_key);
        Self { entries, begins_at: created_at.start_of_second() }
    }

    fn is_too_early(&self, entry: &Entry) -> bool {
        entry.source != Source::Buoy && entry.at < self.begins_at
    }

    /// The entries that count.
    fn effective(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !self.is_too_early(entry))
    }

    /// Inserts an entry in the total order.
    pub fn insert(&mut self, entry: Entry) -> Outcome {
        // A duplicate may have another rank, if the system's rank was changed: search the whole instant.
        let instant = self.entries.partition_point(|other| other.at < entry.at);
        let mut of_instant = self.entries[instant..].iter().take_while(|other| other.at == entry.at);
        if of_instant.any(|other| other.digest == entry.digest) {
            return Outcome::Duplicate;
        }
        let key = order_key(&entry);
        let Err(at) = self.entries.binary_search_by(|other| order_key(other).cmp(&key)) else {
            return Outcome::Duplicate;
        };
        let before = self.truth().status;
        let (reported, is_too_early) = (entry.status, self.is_too_early(&entry));
        self.entries.insert(at, entry);
        let after = self.truth().status;
        match reported {
            None => Outcome::UnmappedStatus,
            Some(_) if is_too_early => Outcome::Stale,
            Some(_) if after != before => Outcome::Applied,
            Some(status) if status == after => Outcome::Agreed,
            Some(_) => Outcome::Stale,
        }
    }

    /// The timestamp of a local change: after all entries, so that it is never stale.
    pub fn next_at(&self, now: Timestamp) -> Timestamp {
        self.entries.last().map_or(now, |last| now.max(last.at.next_instant()))
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The fold. A ticket starts as NEW; only an explicit reopening moves it out of CLOSED or CANCELLED.
    pub fn truth(&self) -> Truth {
        let mut truth = Truth {
            status: TicketStatus::New,
            by: None,
            at: None,
            reopenings: 0,
            first_reopened_at: None,
            reopened_at: None,
        };
        for Entry { at, source, rank: _, position: _, digest, status, reopening, by_person: _ } in self.effective() {
            let Some(status) = *status else { continue };
            let is_terminal = matches!(truth.status, TicketStatus::Closed | TicketStatus::Cancelled);
            if is_terminal && !*reopening && status != truth.status {
                continue;
            }
            truth.at = Some(*at);
            if status == truth.status {
                continue;
            }
            if !truth.status.is_open() && status.is_open() {
                truth.reopenings += 1;
                truth.first_reopened_at = truth.first_reopened_at.or(Some(*at));
                truth.reopened_at = Some(*at);
            }
            truth.status = status;
            truth.by = Some(Cause { at: *at, source: source.clone(), digest: *digest });
        }
        truth
    }

    /// The latest report of each system, in the total order.
    pub fn latest(&self) -> BTreeMap<&str, &Entry> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.source {
                Source::System(system) => Some((system.as_str(), entry)),
                Source::Buoy => None,
            })
            .collect()
    }

    /// Identifies the reason of a correction: the entry that set the truth, and the system's latest report.
    /// `None`: nothing has set the truth yet.
    pub fn cause(&self, system: &str) -> Option<Digest> {
        let truth = self.truth();
        let cause = truth.by?;
        let mut hasher = Sha256::new();
        for part in [system.as_bytes(), truth.status.as_str().as_bytes(), &cause.digest] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hash_instant(&mut hasher, cause.at);
        if let Some(latest) = self.latest().get(system) {
            hash_instant(&mut hasher, latest.at);
            hasher.update(latest.digest);
        }
        Some(hasher.finalize().into())
    }

    /// Buoy's own status, shown beside those of the systems; only if the last entry is a person's change made here.
    pub fn local_status(&self) -> Option<TicketStatus> {
        let last = self.entries.last()?;
        (last.source == Source::Buoy && last.by_person).then(|| self.truth().status)
    }

    /// Reports of different systems that differ, at most so far apart.
    pub fn conflicts(&self, within: Duration) -> Vec<Conflict> {
        let reports: Vec<&Entry> =
            self.effective().filter(|entry| entry.source != Source::Buoy && entry.status.is_some()).collect();
        reports
            .chunk_by(|a, b| a.source != b.source && a.status != b.status && b.at <= a.at + within)
            .filter_map(|run| match run {
                [first, .., last] => Some(Conflict {
                    reports: run.iter().map(|entry| entry.digest).collect(),
                    from: first.at,
                    to: last.at,
                }),
                _ => None,
            })
            .collect()
    }
}

/// How far the statuses of the reporting systems agree; `None`: a source status that is not mapped.
pub fn colour(statuses: &[Option<TicketStatus>]) -> Colour {
    let group = statuses
        .iter()
        .flatten()
        .map(|status| statuses.iter().filter(|other| **other == Some(*status)).count())
        .max()
        .unwrap_or(0);
    match statuses.len() {
        0 | 1 => Colour::Grey,
        n if group == n => Colour::Green,
        _ if group >= 2 => Colour::Yellow,
        _ => Colour::Red,
    }
}
