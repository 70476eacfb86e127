//! What reports, acknowledgements and local changes mean for one ticket, and who is corrected.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::StatusFold;
use crate::hub::model::{
    BUOY, Correction, CorrectionState, Entry, LocalChange, OpenDifference, Outcome, RANK_OF_BUOY, Source, StatusReport,
    StoredSync, SyncedTicket, System, SystemPair, SystemState, Systems, TrackedTicket,
};
use crate::kernel::{CorrectionId, ReportId, SystemId, TicketId, Timestamp};
use crate::tickets::model::{Fact, PendingNeeds, ReportedStatus, TicketStatus};
use crate::webhooks;

/// The hub's state of one ticket: what is stored, and what the transaction adds to it.
#[derive(Clone, Debug)]
pub struct TicketSync {
    ticket: SyncedTicket,
    fold: StatusFold,
    tracked: Option<TrackedTicket>,
    /// The status and the number of reopenings before the transaction.
    initial: (TicketStatus, i32),
    /// Not before anything stored of the ticket: the transaction began before it locked the ticket, and clocks of nodes differ.
    now: Timestamp,
    system_states: BTreeMap<SystemId, SystemState>,
    /// When each stored report was received.
    received: HashMap<ReportId, Timestamp>,
    corrections: Vec<Correction>,
    new_reports: Vec<StatusReport>,
    /// Systems that reported in the transaction.
    reported: HashSet<SystemId>,
    joined: Vec<SystemId>,
    left: Vec<SystemId>,
    changed_states: BTreeSet<SystemId>,
    changed_corrections: HashSet<CorrectionId>,
}

/// What a transaction saves of one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncDecision {
    pub reports: Vec<StatusReport>,
    pub system_states: Vec<SystemState>,
    /// Systems that take part in the ticket from now on.
    pub joined: Vec<SystemId>,
    /// Systems that no longer take part in the ticket.
    pub left: Vec<SystemId>,
    /// Corrections that were issued, acknowledged or superseded.
    pub corrections: Vec<Correction>,
    /// Those of them that are new, and their systems.
    pub issued: Vec<(SystemId, CorrectionId)>,
    /// `None`: as stored.
    pub tracked: Option<TrackedTicket>,
    /// The pairs of systems that differ now; `None`: as stored.
    pub differing: Option<BTreeSet<SystemPair>>,
    /// The status that the ticket moves to; `None`: it has it already.
    pub status: Option<ReportedStatus>,
}

/// Decides at the end of a transaction what is saved: who is corrected, what is superseded, and which status the ticket gets.
pub fn sync(mut state: TicketSync, systems: &Systems, now: Timestamp, new_id: &impl Fn() -> Uuid) -> SyncDecision {
    let issued = state.issue_corrections(systems, now, new_id);
    let tracked = state.tracked_now(now);
    let differing = (!state.changed_states.is_empty()).then(|| state.differing());
    let status = state.reported_status();
    let TicketSync {
        system_states, corrections, new_reports, joined, left, changed_states, changed_corrections, ..
    } = state;
    SyncDecision {
        reports: new_reports,
        system_states: system_states.into_values().filter(|one| changed_states.contains(&one.system)).collect(),
        joined,
        left,
        corrections: corrections.into_iter().filter(|one| changed_corrections.contains(&one.id)).collect(),
        issued,
        tracked,
        differing,
        status,
    }
}

/// The differences that have ended, and the pairs of systems that begin to differ. `open`: of this ticket.
pub fn update_differences(
    open: &[&OpenDifference],
    mut differing: BTreeSet<SystemPair>,
) -> (Vec<Uuid>, BTreeSet<SystemPair>) {
    let ended = open.iter().filter(|one| !differing.remove(&one.pair)).map(|one| one.id).collect();
    (ended, differing)
}

impl TicketSync {
    pub fn new(stored: StoredSync, systems: &Systems, now: Timestamp, new_id: &impl Fn() -> Uuid) -> Self {
        let StoredSync { ticket, tracked, reports, history, system_states, corrections } = stored;
        let key = |id: SystemId| systems.get(&id).map(|system| system.key.as_str());
        let entries = reports.iter().map(|report| report.entry(report.system.and_then(key))).collect();
        let received: HashMap<ReportId, Timestamp> =
            reports.iter().map(|report| (report.id, report.received_at)).collect();
        let latest = received.values().copied().chain(corrections.iter().map(|one| one.created_at)).max();
        let fold = StatusFold::from_entries(entries, ticket.created_at);
        let mut sync = Self {
            ticket,
            fold,
            tracked,
            initial: (TicketStatus::New, 0),
            now: latest.map_or(now, |latest| now.max(latest)),
            system_states: system_states.into_iter().map(|state| (state.system, state)).collect(),
            received,
            corrections,
            new_reports: Vec::new(),
            reported: HashSet::new(),
            joined: Vec::new(),
            left: Vec::new(),
            changed_states: BTreeSet::new(),
            changed_corrections: HashSet::new(),
        };
        if sync.tracked.is_none() {
            sync.replay(history, new_id);
        }
        let truth = sync.fold.truth();
        // The stored status: the fold may differ from it, because a mapping was added since.
        sync.initial = match &sync.tracked {
            Some(tracked) => (tracked.status, tracked.reopenings),
            None => (truth.status, truth.reopenings),
        };
        sync
    }

    /// Adds the status changes made here before any system reported the ticket.
    fn replay(&mut self, history: Vec<LocalChange>, new_id: &impl Fn() -> Uuid) {
        for change in history {
            self.append_local(change, ReportId(new_id()));
        }
        let SyncedTicket { status, updated_at, .. } = self.ticket;
        if self.fold.truth().status != status {
            // The log does not explain the current status, as with imported tickets.
            let change = LocalChange { at: updated_at, status, reopens: true, by_person: false, operator: None };
            self.append_local(change, ReportId(new_id()));
        }
    }

    pub fn ticket_id(&self) -> TicketId {
        self.ticket.id
    }

    /// The authoritative status now.
    pub fn truth(&self) -> TicketStatus {
        self.fold.truth().status
    }

    /// The number of reports and local changes.
    pub fn report_count(&self) -> usize {
        self.fold.entries().len()
    }

    /// Whether what a person did supplies what the pending report lacks: it is a step to the reported status then, and no
    /// change of it.
    pub fn supplies_pending(&self, fact: &Fact) -> bool {
        match self.ticket.pending {
            None | Some(PendingNeeds::Decision) => false,
            // A step towards the reported status, or the last one.
            Some(PendingNeeds::Attribution | PendingNeeds::Assignee) => match fact {
                Fact::Assigned { .. } | Fact::Accepted | Fact::Resumed => true,
                Fact::Resolved { .. } => self.truth().is_solved(),
                _ => false,
            },
        }
    }

    /// Adds a status change made here.
    pub fn append_local(&mut self, change: LocalChange, id: ReportId) {
        let LocalChange { at, status, reopens, by_person, operator } = change;
        let at = self.fold.next_at(at);
        let entry = Entry::local(&self.ticket.token, at, status, reopens, by_person);
        let digest = entry.digest;
        let outcome = self.fold.insert(entry);
        self.new_reports.push(StatusReport {
            id,
            ticket: self.ticket.id,
            system: None,
            rank: RANK_OF_BUOY,
            position: 0,
            source_status: status.as_str().to_owned(),
            status: Some(status),
            reopens,
            by_person,
            at,
            received_at: self.now,
            operator: operator.map(|id| id.to_string()).unwrap_or_default(),
            event_id: None,
            digest,
            outcome,
        });
    }

    /// Adds a system that is linked to the ticket or reports it.
    pub fn join(&mut self, system: SystemId) {
        if !self.system_states.contains_key(&system) {
            let state = SystemState { ticket: self.ticket.id, system, report: None, correction: None, status: None };
            self.system_states.insert(system, state);
            self.changed_states.insert(system);
            self.joined.push(system);
        }
    }

    /// Takes off a system that is linked to the ticket only, and withdraws its corrections. A system that has reported the
    /// ticket stays.
    pub fn leave(&mut self, system: SystemId) {
        if self.system_states.get(&system).is_none_or(|state| state.report.is_some()) {
            return;
        }
        self.system_states.remove(&system);
        self.left.push(system);
        for correction in self.corrections.iter_mut().filter(|one| one.system == system && one.is_open()) {
            correction.state = CorrectionState::Superseded;
            webhooks::decide::withdraw(&mut correction.delivery);
            self.changed_corrections.insert(correction.id);
        }
    }

    /// Inserts a system's report in the total order.
    pub fn insert(&mut self, mut report: StatusReport, system: &System) -> Outcome {
        let entry = report.entry(Some(&system.key));
        let outcome = self.fold.insert(entry);
        self.reported.insert(system.id);
        if outcome == Outcome::Duplicate {
            return outcome;
        }
        report.outcome = outcome;
        report.received_at = self.now;
        self.join(system.id);
        let latest = self.fold.latest();
        let is_latest =
            latest.get(system.key.as_str()).is_some_and(|entry| entry.digest == report.digest && entry.at == report.at);
        if is_latest && let Some(state) = self.system_states.get_mut(&system.id) {
            state.report = Some(report.id);
            state.correction = None;
            state.status = report.status;
            self.changed_states.insert(system.id);
        }
        self.received.insert(report.id, report.received_at);
        self.new_reports.push(report);
        outcome
    }

    /// Updates the states of systems whose latest report uses a status that is mapped only now.
    pub fn reapply_mapping(&mut self, reports: &[StatusReport]) {
        for state in self.system_states.values_mut().filter(|state| state.correction.is_none()) {
            let latest = reports.iter().find(|report| Some(report.id) == state.report);
            if let Some(latest) = latest.filter(|latest| latest.status != state.status) {
                state.status = latest.status;
                self.changed_states.insert(state.system);
                self.reported.insert(state.system);
            }
        }
    }

    /// Adds a stored correction that is no longer open.
    pub fn add_stored_correction(&mut self, correction: Correction) {
        if self.corrections.iter().all(|one| one.id != correction.id) {
            self.corrections.push(correction);
        }
    }

    /// Corrections that a report of this system may be the echo of, oldest first: all of them if the report names its cause
    /// (`named`), else those issued since the system's latest report.
    pub fn echo_candidates(&self, system: SystemId, named: bool) -> Vec<&Correction> {
        let reported_at = self.latest_report_at(system);
        let open =
            |one: &&Correction| one.system == system && (named || reported_at.is_none_or(|at| at <= one.created_at));
        self.corrections.iter().filter(open).collect()
    }

    /// When the latest report of a system was received.
    fn latest_report_at(&self, system: SystemId) -> Option<Timestamp> {
        self.system_states.get(&system)?.report.and_then(|report| self.received.get(&report)).copied()
    }

    /// Marks a correction as acknowledged: the system now has its status, unless it has reported another one since. Returns
    /// whether it was not acknowledged before. `event`: the system's event id of the report that acknowledges it.
    pub fn acknowledge(&mut self, id: CorrectionId, event: Option<String>) -> bool {
        let now = self.now;
        let Some(correction) = self.corrections.iter_mut().find(|one| one.id == id) else { return false };
        if event.is_some() && correction.echo_event.is_none() {
            correction.echo_event = event;
            self.changed_corrections.insert(id);
        }
        if correction.acknowledged_at.is_some() {
            return false;
        }
        correction.acknowledged_at = Some(now);
        webhooks::decide::accept(&mut correction.delivery);
        if correction.is_open() {
            correction.state = CorrectionState::Acknowledged;
        }
        self.changed_corrections.insert(id);
        let (system, status, created_at) = (correction.system, correction.status, correction.created_at);
        if self.latest_report_at(system).is_none_or(|at| at <= created_at)
            && let Some(state) = self.system_states.get_mut(&system)
            // Ids rise with time: the system may have acknowledged a later correction already.
            && state.correction.is_none_or(|latest| latest < id)
        {
            state.correction = Some(id);
            state.status = Some(status);
            self.changed_states.insert(system);
        }
        true
    }

    fn reporting_states(&self) -> impl Iterator<Item = &SystemState> {
        self.system_states.values().filter(|state| state.report.is_some())
    }

    /// Issues corrections to the systems that differ from the truth, and supersedes outdated ones. Returns the new ones.
    fn issue_corrections(
        &mut self,
        systems: &Systems,
        now: Timestamp,
        new_id: &impl Fn() -> Uuid,
    ) -> Vec<(SystemId, CorrectionId)> {
        let truth = self.fold.truth();
        let changed = self.initial.0 != truth.status;
        let mut issued = Vec::new();
        for (id, state) in &self.system_states {
            let Some(system) = systems.get(id) else { continue };
            let reported = self.reported.contains(id);
            let cause = self.fold.cause(&system.key).map(|cause| hex::encode(&cause[..16]));
            let differs = cause.is_some() && state.status != Some(truth.status);
            if let Some(open) = self.corrections.iter_mut().rfind(|one| one.system == *id && one.is_open()) {
                let same = open.status == truth.status && !reported;
                if differs && (same || Some(&open.cause) == cause.as_ref()) {
                    continue;
                }
                open.state = CorrectionState::Superseded;
                webhooks::decide::withdraw(&mut open.delivery);
                self.changed_corrections.insert(open.id);
            }
            // Linking alone issues no correction.
            if !differs || !(changed || reported) {
                continue;
            }
            let Some(cause) = cause else { continue };
            let correction = Correction {
                id: CorrectionId(new_id()),
                ticket: self.ticket.id,
                system: *id,
                status: truth.status,
                cause,
                created_at: self.now,
                state: CorrectionState::Due,
                delivery: webhooks::decide::enqueue(&system.endpoint, now),
                acknowledged_at: None,
                echo_event: None,
            };
            issued.push((*id, correction.id));
            self.changed_corrections.insert(correction.id);
            self.corrections.push(correction);
        }
        issued
    }

    /// The truth to store, if it differs from the stored one.
    fn tracked_now(&self, now: Timestamp) -> Option<TrackedTicket> {
        let truth = self.fold.truth();
        let reporting = i32::try_from(self.reporting_states().count()).unwrap_or(i32::MAX);
        let compared_from = self.tracked.as_ref().and_then(|tracked| tracked.compared_from);
        let tracked = TrackedTicket {
            ticket: self.ticket.id,
            status: truth.status,
            changed_at: truth.by.map(|by| by.at),
            reopenings: truth.reopenings,
            reporting,
            compared_from: compared_from.or((reporting >= 2).then_some(now)),
        };
        (self.tracked.as_ref() != Some(&tracked)).then_some(tracked)
    }

    /// The pairs of systems that have reported different statuses.
    fn differing(&self) -> BTreeSet<SystemPair> {
        let statuses: Vec<(SystemId, TicketStatus)> =
            self.reporting_states().filter_map(|state| Some((state.system, state.status?))).collect();
        let mut differing = BTreeSet::new();
        for (index, (first, status)) in statuses.iter().enumerate() {
            let others = statuses[index + 1..].iter().filter(|(_, other)| other != status);
            differing.extend(others.map(|(second, _)| (*first, *second)));
        }
        differing
    }

    /// The status that the ticket moves to, unless it agrees with the truth.
    fn reported_status(&self) -> Option<ReportedStatus> {
        let truth = self.fold.truth();
        let by = truth.by?;
        // The ticket has counted local reopenings already.
        let reopenings = if self.reported.is_empty() { 0 } else { truth.reopenings - self.initial.1 };
        if truth.status == self.ticket.status && self.ticket.pending.is_none() && reopenings == 0 {
            return None;
        }
        let system = match by.source {
            Source::System(key) => key,
            Source::Buoy => BUOY.to_owned(),
        };
        // The times of a ticket are whole milliseconds.
        Some(ReportedStatus {
            status: truth.status,
            at: by.at.whole_millis(),
            system,
            reopened_at: truth.reopened_at.map(Timestamp::whole_millis),
            reopenings,
            first_reopened_at: truth.first_reopened_at.map(Timestamp::whole_millis),
        })
    }
}
