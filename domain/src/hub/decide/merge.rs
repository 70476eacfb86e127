//! The merge: pure, the same for every order of arrival.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::hub::model::{Cause, Colour, Conflict, Digest, Entry, Outcome, Source, Truth};
use crate::kernel::{Timestamp, minutes};
use crate::tickets::model::TicketStatus;

/// Reports of different systems that lie no further apart may be a conflict.
pub const CONFLICT_WITHIN: Duration = minutes(5);
/// A report of the future is refused beyond this.
pub const SKEW_MAX: Duration = minutes(5);
/// A report that repeats a correction so soon after it was sent is its echo.
pub const ECHO_WITHIN: Duration = minutes(10);

/// Whether a report's time lies within the skew that clocks are allowed.
pub fn is_timely(now: Timestamp, at: Timestamp) -> bool {
    at <= now + SKEW_MAX
}

/// The place of an entry: nothing in it was given at receipt. The last one wins: of one instant, the lowest rank.
fn place(entry: &Entry) -> (Timestamp, Reverse<u32>, Digest) {
    (entry.at, Reverse(entry.rank), entry.digest)
}

/// All that was said of one ticket, in the total order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    entries: Vec<Entry>,
}

impl Merge {
    /// Of entries as they are kept.
    pub fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_cached_key(place);
        Self { entries }
    }

    /// Puts an entry at its place.
    pub fn insert(&mut self, entry: Entry) -> Outcome {
        // Of a system whose rank was another then, it stands elsewhere in its instant.
        let instant = self.entries.partition_point(|there| there.at < entry.at);
        let mut of_instant = self.entries[instant..].iter().take_while(|there| there.at == entry.at);
        if of_instant.any(|there| there.digest == entry.digest) {
            return Outcome::Duplicate;
        }
        let key = place(&entry);
        let Err(at) = self.entries.binary_search_by(|there| place(there).cmp(&key)) else {
            return Outcome::Duplicate;
        };
        let before = self.truth().status;
        let said = entry.status;
        self.entries.insert(at, entry);
        let after = self.truth().status;
        match said {
            None => Outcome::UnknownWord,
            Some(_) if after != before => Outcome::Applied,
            Some(status) if status == after => Outcome::Agreed,
            Some(_) => Outcome::Stale,
        }
    }

    /// The time that a change made here enters with: what a person does is never stale.
    pub fn next_at(&self, now: Timestamp) -> Timestamp {
        self.entries.last().map_or(now, |last| now.max(last.at + Duration::from_millis(1)))
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The fold. A ticket begins as NEW; nothing but an explicit reopening leads out of CLOSED or CANCELLED.
    pub fn truth(&self) -> Truth {
        let mut truth = Truth {
            status: TicketStatus::New,
            by: None,
            at: None,
            reopenings: 0,
            first_reopened_at: None,
            reopened_at: None,
        };
        for Entry { at, source, rank: _, digest, status, reopening, by_person: _ } in &self.entries {
            let Some(status) = *status else { continue };
            let over = matches!(truth.status, TicketStatus::Closed | TicketStatus::Cancelled);
            if over && !*reopening && status != truth.status {
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

    /// Names why a system has to be told of the truth: by what brought it there, and by what the system said last.
    /// `None`: nothing has happened that anybody could be told of.
    pub fn cause(&self, system: &str) -> Option<Digest> {
        let truth = self.truth();
        let cause = truth.by?;
        let mut hasher = Sha256::new();
        for part in [system.as_bytes(), truth.status.word().as_bytes(), &cause.digest] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update(cause.at.millis().to_be_bytes());
        if let Some(said) = self.latest().get(system) {
            hasher.update(said.at.millis().to_be_bytes());
            hasher.update(said.digest);
        }
        Some(hasher.finalize().into())
    }

    /// What Buoy holds as one of the systems: once a person's act here has set the truth after the last report.
    pub fn held_here(&self) -> Option<TicketStatus> {
        let last = self.entries.last()?;
        (last.source == Source::Buoy && last.by_person).then(|| self.truth().status)
    }

    pub fn conflicts(&self) -> Vec<Conflict> {
        let reports: Vec<&Entry> =
            self.entries.iter().filter(|entry| entry.source != Source::Buoy && entry.status.is_some()).collect();
        reports
            .chunk_by(|a, b| a.source != b.source && a.status != b.status && b.at <= a.at + CONFLICT_WITHIN)
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

/// By what those who have reported hold; `None`: a word that nobody knows.
pub fn colour(held: &[Option<TicketStatus>]) -> Colour {
    let group = held
        .iter()
        .flatten()
        .map(|status| held.iter().filter(|other| **other == Some(*status)).count())
        .max()
        .unwrap_or(0);
    match held.len() {
        0 | 1 => Colour::Grey,
        n if group == n => Colour::Green,
        _ if group >= 2 => Colour::Yellow,
        _ => Colour::Red,
    }
}
