//! Tests of the pure decisions of the hub.

mod reports;
mod status_fold;
mod sync;

use std::cell::Cell;
use std::sync::Arc;

use uuid::Uuid;

use super::decide::{Ingestion, SyncDecision, TicketSync, ValidReport, sync, update_differences};
use super::model::{
    Correction, CorrectionState, HubFact, LocalChange, OpenDifference, Outcome, StatusMapping, StoredSync,
    SyncedTicket, System, SystemState, Systems,
};
use crate::kernel::{CorrectionId, Refusal, ReportId, SystemId, TicketId, Timestamp, UserId, minutes, seconds};
use crate::tickets::model::TicketStatus;
use crate::webhooks::model::Endpoint;

const NOON: Timestamp = Timestamp::from_millis(1_772_452_800_000);
const TOKEN: &str = "TKN-8X9F2Q-L4M7P";
const CRM: SystemId = SystemId(Uuid::from_u128(1));
const ERP: SystemId = SystemId(Uuid::from_u128(2));
/// A system without an endpoint.
const APP: SystemId = SystemId(Uuid::from_u128(3));

fn at(secs: u64) -> Timestamp {
    NOON + seconds(secs)
}

/// A system whose words are the names of the statuses; REOPENED is its explicit reopening.
fn system(id: SystemId, key: &str, rank: u32) -> System {
    let mapping =
        |status: TicketStatus| StatusMapping { source_status: status.as_str().to_owned(), status, reopens: false };
    let reopened =
        StatusMapping { source_status: "REOPENED".to_owned(), status: TicketStatus::InProgress, reopens: true };
    System {
        id,
        key: key.to_owned(),
        name: key.to_owned(),
        rank,
        account: UserId(id.0),
        endpoint: Endpoint::new((id != APP).then(|| format!("https://{key}.example/hook"))),
        created_at: NOON,
        clock_offset_millis: None,
        clock_seen_at: None,
        status_map: TicketStatus::ALL.iter().copied().map(mapping).chain([reopened]).collect(),
    }
}

/// One ticket in memory: each step loads, decides and saves it as the commands do.
struct Hub {
    systems: Systems,
    stored: StoredSync,
    differences: Vec<OpenDifference>,
    facts: Vec<HubFact>,
    last_id: Cell<u128>,
}

impl Hub {
    /// A NEW ticket that no system reports yet.
    fn new() -> Self {
        let systems = [system(CRM, "CRM", 1), system(ERP, "ERP", 2), system(APP, "APP", 3)];
        let ticket = SyncedTicket {
            id: TicketId(Uuid::nil()),
            token: TOKEN.to_owned(),
            status: TicketStatus::New,
            pending: None,
            created_at: NOON,
            updated_at: NOON,
        };
        Self {
            systems: systems.into_iter().map(|system| (system.id, Arc::new(system))).collect(),
            stored: StoredSync {
                ticket,
                tracked: None,
                reports: Vec::new(),
                history: Vec::new(),
                system_states: Vec::new(),
                corrections: Vec::new(),
            },
            differences: Vec::new(),
            facts: Vec::new(),
            last_id: Cell::new(1_000),
        }
    }

    /// One that these systems are linked to.
    fn linked(systems: &[SystemId]) -> Self {
        let mut hub = Self::new();
        hub.step(NOON, |sync| systems.iter().for_each(|system| sync.join(*system)));
        hub
    }

    /// Ids rise.
    fn new_id(&self) -> Uuid {
        self.last_id.set(self.last_id.get() + 1);
        Uuid::from_u128(self.last_id.get())
    }

    fn load(&self, now: Timestamp) -> TicketSync {
        TicketSync::new(self.stored.clone(), &self.systems, now, &|| self.new_id())
    }

    fn step(&mut self, now: Timestamp, act: impl FnOnce(&mut TicketSync)) -> SyncDecision {
        let mut state = self.load(now);
        act(&mut state);
        let decision = sync(state, &self.systems, now, &|| self.new_id());
        let saved = decision.clone();
        self.stored.history.clear();
        self.stored.reports.extend(saved.reports);
        self.stored.tracked = saved.tracked.or(self.stored.tracked.take());
        self.stored.system_states.retain(|one| !saved.left.contains(&one.system));
        for state in saved.system_states {
            self.stored.system_states.retain(|one| one.system != state.system);
            self.stored.system_states.push(state);
        }
        for correction in saved.corrections {
            self.stored.corrections.retain(|one| one.id != correction.id);
            self.stored.corrections.push(correction);
        }
        self.stored.corrections.sort_by_key(|one| one.id);
        if let Some(pairs) = saved.differing {
            let open: Vec<&OpenDifference> = self.differences.iter().collect();
            let (ended, began) = update_differences(&open, pairs);
            self.differences.retain(|one| !ended.contains(&one.id));
            for pair in began {
                self.differences.push(OpenDifference { id: self.new_id(), ticket: self.stored.ticket.id, pair });
            }
        }
        if let Some(reported) = saved.status {
            self.stored.ticket.status = reported.status;
        }
        decision
    }

    /// A report as `reportStatuses` takes it, received at `now`.
    fn ingest(
        &mut self,
        now: Timestamp,
        system: SystemId,
        report: ValidReport,
    ) -> (Result<Outcome, Refusal>, SyncDecision) {
        let system = self.systems[&system].clone();
        let with_event = |id: &Option<String>| id.is_some() && *id == report.event_id;
        let reports =
            self.stored.reports.iter().filter(|one| one.system == Some(system.id) && with_event(&one.event_id));
        let echoes =
            self.stored.corrections.iter().filter(|one| one.system == system.id && with_event(&one.echo_event));
        let mut ingestion =
            Ingestion::new(&system, now, minutes(10), reports.cloned().collect(), echoes.cloned().collect());
        let mut outcome = None;
        let ids = Cell::new(self.last_id.get() + 100);
        let new_id = || {
            ids.set(ids.get() + 1);
            Uuid::from_u128(ids.get())
        };
        self.last_id.set(self.last_id.get() + 200);
        let decision = self.step(now, |sync| outcome = Some(ingestion.ingest(sync, report, &new_id)));
        self.facts.extend(ingestion.facts.into_iter().map(|(_, fact)| fact));
        (outcome.unwrap(), decision)
    }

    /// A system reports this word after so many seconds, and it is received at once.
    fn report(&mut self, system: SystemId, secs: u64, word: &str) -> (Outcome, SyncDecision) {
        let (outcome, decision) = self.ingest(at(secs), system, valid(word, at(secs)));
        (outcome.unwrap(), decision)
    }

    /// A person changes the status here.
    fn local(&mut self, secs: u64, status: TicketStatus, reopens: bool) -> SyncDecision {
        self.stored.ticket.status = status;
        let (change, id) = (local_change(at(secs), status, reopens), ReportId(self.new_id()));
        self.step(at(secs), |sync| sync.append_local(change, id))
    }

    /// The endpoint of a system has accepted a correction.
    fn acknowledge(&mut self, secs: u64, correction: CorrectionId) -> (bool, SyncDecision) {
        let mut is_new = false;
        let decision = self.step(at(secs), |sync| is_new = sync.acknowledge(correction, None));
        (is_new, decision)
    }

    fn correction(&mut self, id: CorrectionId) -> &mut Correction {
        self.stored.corrections.iter_mut().find(|one| one.id == id).unwrap()
    }

    /// The open correction of a system.
    fn open(&self, system: SystemId) -> Option<&Correction> {
        self.stored.corrections.iter().find(|one| one.system == system && one.is_open())
    }

    fn status_of(&self, system: SystemId) -> Option<TicketStatus> {
        self.state_of(system).status
    }

    fn state_of(&self, system: SystemId) -> &SystemState {
        self.stored.system_states.iter().find(|state| state.system == system).unwrap()
    }
}

fn valid(word: &str, at: Timestamp) -> ValidReport {
    ValidReport {
        position: 0,
        token: TOKEN.to_owned(),
        source_status: word.to_owned(),
        at,
        operator: "王工".to_owned(),
        event_id: None,
        cause: None,
    }
}

fn local_change(at: Timestamp, status: TicketStatus, reopens: bool) -> LocalChange {
    LocalChange { at, status, reopens, by_person: true, operator: Some(Uuid::from_u128(7)) }
}

/// The systems that a decision corrects, and with which status.
fn corrected(decision: &SyncDecision) -> Vec<(SystemId, TicketStatus)> {
    let issued = |one: &&Correction| decision.issued.contains(&(one.system, one.id));
    decision.corrections.iter().filter(issued).map(|one| (one.system, one.status)).collect()
}

/// How many corrections a decision leaves in this state.
fn count(decision: &SyncDecision, state: CorrectionState) -> usize {
    decision.corrections.iter().filter(|one| one.state == state).count()
}
