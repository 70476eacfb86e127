//! The merge: pure, the same for every order of arrival.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::model::{
    Cause, Colour, Conflict, Correction, Digest, Entry, Follow, Needs, Outcome, PendingReport, Source, Truth,
};
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
    /// Puts an entry at its place.
    pub fn insert(&mut self, entry: Entry) -> Outcome {
        let key = place(&entry);
        let Err(at) = self.entries.binary_search_by(|there| place(there).cmp(&key)) else {
            return Outcome::Duplicate;
        };
        if entry.name.is_some() && self.entries.iter().any(|there| there.name == entry.name) {
            return Outcome::Refused;
        }
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
        let mut truth = Truth { status: TicketStatus::New, by: None, at: None, reopenings: 0 };
        for Entry { at, source, rank: _, digest, name: _, status, reopening } in &self.entries {
            let Some(status) = *status else { continue };
            let over = matches!(truth.status, TicketStatus::Closed | TicketStatus::Cancelled);
            if over && !*reopening && status != truth.status {
                continue;
            }
            truth.at = Some(*at);
            if status == truth.status {
                continue;
            }
            if truth.status.is_solved() && status == TicketStatus::InProgress {
                truth.reopenings += 1;
            }
            truth.status = status;
            truth.by = Some(Cause { at: *at, source: source.clone(), digest: *digest });
        }
        truth
    }

    /// What each system that has reported holds by its own latest report; unknown words hold nothing.
    pub fn held(&self) -> BTreeMap<&str, Option<TicketStatus>> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.source {
                Source::System(system) => Some((system.as_str(), entry.status)),
                Source::Buoy => None,
            })
            .collect()
    }

    /// What every linked system has to be told: those that hold something else than the truth. `holds` is what a system
    /// was last heard to hold where that is newer than its report: a correction that it acknowledged.
    pub fn corrections(&self, linked: &BTreeSet<String>, holds: &BTreeMap<String, TicketStatus>) -> Vec<Correction> {
        let truth = self.truth();
        let Some(cause) = &truth.by else { return Vec::new() };
        let held = self.held();
        linked
            .iter()
            .filter(|system| {
                let acknowledged = holds.get(*system).copied();
                let held = acknowledged.or_else(|| held.get(system.as_str()).copied().flatten());
                held != Some(truth.status)
            })
            .map(|system| Correction {
                system: system.clone(),
                status: truth.status,
                cause: correction_digest(system, truth.status, cause),
            })
            .collect()
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

    /// By what the systems hold. Buoy is one of them once a person's act here stands behind the truth.
    pub fn colour(&self, holds: &BTreeMap<String, TicketStatus>) -> Colour {
        let mut held: BTreeMap<&str, Option<TicketStatus>> = self.held();
        for (system, status) in holds {
            held.insert(system, Some(*status));
        }
        let mut said: Vec<Option<TicketStatus>> = held.into_values().collect();
        let truth = self.truth();
        if self.entries.last().is_some_and(|last| last.source == Source::Buoy) && truth.by.is_some() {
            said.push(Some(truth.status));
        }
        let group = said
            .iter()
            .flatten()
            .map(|status| said.iter().filter(|other| **other == Some(*status)).count())
            .max()
            .unwrap_or(0);
        match said.len() {
            0 | 1 => Colour::Grey,
            n if group == n => Colour::Green,
            _ if group >= 2 => Colour::Yellow,
            _ => Colour::Red,
        }
    }
}

fn correction_digest(system: &str, status: TicketStatus, cause: &Cause) -> Digest {
    let mut hasher = Sha256::new();
    for part in [system.as_bytes(), status.word().as_bytes(), &cause.digest] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A correction that was sent to the system whose report is looked at.
pub struct Sent {
    pub cause: Digest,
    pub status: TicketStatus,
    pub at: Timestamp,
}

/// The correction that a report is the echo of; an echo is never a new event. `sent`: newest last.
pub fn echo_of<'s>(
    cause: Option<&Digest>,
    status: Option<TicketStatus>,
    now: Timestamp,
    sent: &'s [Sent],
) -> Option<&'s Sent> {
    match cause {
        Some(cause) => sent.iter().find(|one| one.cause == *cause),
        None => sent.last().filter(|last| Some(last.status) == status && now <= last.at + ECHO_WITHIN),
    }
}

/// What of a ticket decides whether it can take a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub status: TicketStatus,
    pub has_assignee: bool,
    pub has_attribution: bool,
}

/// Whether a ticket takes the step to the truth, or waits for what its life-cycle demands.
pub fn follow(ticket: Standing, truth: &Truth) -> Follow {
    let Some(by) = truth.by.as_ref().filter(|_| truth.status != ticket.status) else { return Follow::Stands };
    let needs = match truth.status {
        TicketStatus::Assigned | TicketStatus::InProgress | TicketStatus::Waiting => {
            (!ticket.has_assignee).then_some(Needs::Assignee)
        }
        TicketStatus::Resolved | TicketStatus::Closed => (!ticket.has_attribution).then_some(Needs::Attribution),
        TicketStatus::New | TicketStatus::Cancelled => None,
    };
    match needs {
        None => Follow::Step(truth.status),
        Some(needs) => {
            Follow::Pending(PendingReport { status: truth.status, source: by.source.clone(), since: by.at, needs })
        }
    }
}
