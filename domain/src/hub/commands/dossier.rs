//! What is known of some tickets, in memory for the length of a transaction: put together in a few statements, changed,
//! and written back in a few.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::super::decide::Merge;
use super::super::model::{
    BUOY, Correction, CorrectionState, Entry, Holding, HubEvent, Outcome, RANK_OF_BUOY, Source, StatusReport, System,
};
use super::super::store::{self, hub_difference, hub_ticket};
use super::super::{queries, react};
use crate::event::Event;
use crate::hub::decide::ECHO_WITHIN;
use crate::kernel::{CorrectionId, ReportId, Result, SystemId, TicketId, Timestamp};
use crate::runtime::{Side, Tx, jobs, log};
use crate::tickets;
use crate::tickets::commands::Reported;
use crate::tickets::model::{Fact, Ticket, TicketStatus};

pub(super) struct Dossier {
    pub ticket: Ticket,
    pub merge: Merge,
    /// As it was kept; `None`: the hub did not know the ticket.
    kept: Option<hub_ticket::Model>,
    /// Where it stood before this transaction, and how often it had been taken up again.
    before: (TicketStatus, i32),
    /// Later than all that was kept of it: a transaction begins before it has the ticket, and nodes have clocks of their own.
    now: Timestamp,
    holdings: BTreeMap<SystemId, Holding>,
    /// When each kept report came.
    received: HashMap<ReportId, Timestamp>,
    corrections: Vec<Correction>,
    new_reports: Vec<StatusReport>,
    /// Systems that said something in this transaction.
    spoke: HashSet<SystemId>,
    /// What changed and is to be written back.
    moved_holdings: HashSet<SystemId>,
    moved_corrections: HashSet<CorrectionId>,
    joined: Vec<SystemId>,
}

pub(super) struct Dossiers {
    pub systems: Arc<HashMap<SystemId, Arc<System>>>,
    of: BTreeMap<TicketId, Dossier>,
}

/// Which tickets are taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// Those that the hub knows.
    Known,
    /// The others as well, with what was done to them here so far.
    All,
}

impl Dossiers {
    pub async fn load(tx: &Tx, ids: &[TicketId], which: Take) -> Result<Self> {
        let mut systems = queries::systems(tx.app()).await?;
        let mut of = BTreeMap::new();
        if ids.is_empty() {
            return Ok(Self { systems, of });
        }
        let mut tickets = tickets::commands::take(tx, ids).await?;
        let mut known = store::hub_tickets(tx.conn(), ids).await?;
        if which == Take::Known {
            tickets.retain(|id, _| known.contains_key(id));
        }
        let ids: Vec<TicketId> = tickets.keys().copied().collect();
        let mut reports: HashMap<TicketId, Vec<StatusReport>> = HashMap::new();
        for report in store::reports_of(tx.conn(), &ids).await? {
            if report.system.is_some_and(|system| !systems.contains_key(&system)) {
                // Registered a moment ago, on another node.
                queries::forget(tx.app());
                systems = queries::systems(tx.app()).await?;
            }
            reports.entry(report.ticket).or_default().push(report);
        }
        let new: Vec<uuid::Uuid> = ids.iter().filter(|id| !known.contains_key(id)).map(|id| id.0).collect();
        let mut done_here: HashMap<TicketId, Vec<log::Row>> = HashMap::new();
        if !new.is_empty() {
            for row in log::of_subjects(tx.conn(), &new).await? {
                done_here.entry(TicketId(row.subject)).or_default().push(row);
            }
        }
        for (id, ticket) in tickets {
            let reports = reports.remove(&id).unwrap_or_default();
            let received: HashMap<ReportId, Timestamp> =
                reports.iter().map(|report| (report.id, report.received_at)).collect();
            let key = |id: SystemId| systems.get(&id).map(|system| system.key.as_str());
            let entries = reports.iter().map(|report| report.entry(report.system.and_then(key))).collect();
            let mut dossier = Dossier {
                ticket,
                merge: Merge::of(entries),
                kept: known.remove(&id),
                before: (TicketStatus::New, 0),
                now: received.values().fold(tx.now, |now, at| now.max(*at)),
                holdings: BTreeMap::new(),
                received,
                corrections: Vec::new(),
                new_reports: Vec::new(),
                spoke: HashSet::new(),
                moved_holdings: HashSet::new(),
                moved_corrections: HashSet::new(),
                joined: Vec::new(),
            };
            if dossier.kept.is_none() {
                dossier.recall(tx, done_here.remove(&id).unwrap_or_default());
            }
            let truth = dossier.merge.truth();
            dossier.before = match &dossier.kept {
                // As it was told last: words may be known now that were not.
                Some(kept) => (TicketStatus::parse(&kept.status).unwrap_or(truth.status), kept.reopenings),
                None => (truth.status, truth.reopenings),
            };
            of.insert(id, dossier);
        }
        for holding in store::holdings_of(tx.conn(), &ids).await? {
            if let Some(dossier) = of.get_mut(&holding.ticket) {
                dossier.holdings.insert(holding.system, holding);
            }
        }
        for correction in store::corrections_of(tx.conn(), &ids, tx.now - ECHO_WITHIN).await? {
            if let Some(dossier) = of.get_mut(&correction.ticket) {
                dossier.now = dossier.now.max(correction.created_at);
                dossier.corrections.push(correction);
            }
        }
        Ok(Self { systems, of })
    }

    /// Takes up corrections of a system that are over.
    pub async fn recall(&mut self, tx: &Tx, system: SystemId, ids: Vec<CorrectionId>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        for correction in store::corrections(tx.conn(), &ids).await?.into_iter().filter(|one| one.system == system) {
            if let Some(dossier) = self.of.get_mut(&correction.ticket)
                && !dossier.has_correction(correction.id)
            {
                dossier.corrections.push(correction);
            }
        }
        Ok(())
    }

    pub fn get(&mut self, id: TicketId) -> Option<&mut Dossier> {
        self.of.get_mut(&id)
    }

    /// Writes back what changed: who is told what, where systems differ, and where tickets stand.
    pub async fn settle(self, tx: &mut Tx) -> Result<()> {
        let Self { systems, mut of } = self;
        for dossier in of.values_mut() {
            Box::pin(dossier.correct(tx, &systems)).await?;
        }
        store::insert_reports(tx.conn(), of.values_mut().flat_map(|d| std::mem::take(&mut d.new_reports)).collect())
            .await?;
        compare(tx, of.values().filter(|dossier| !dossier.moved_holdings.is_empty())).await?;
        let rows = of.values().filter_map(|dossier| dossier.row(tx.now)).collect();
        store::put_hub_tickets(tx.conn(), rows).await?;
        let holdings = of.values().flat_map(|dossier| dossier.moved_holdings.iter().map(|id| &dossier.holdings[id]));
        store::put_holdings(tx.conn(), holdings.cloned().collect()).await?;
        let moved = |dossier: &Dossier, one: &Correction| dossier.moved_corrections.contains(&one.id);
        let corrections = of.values().flat_map(|dossier| dossier.corrections.iter().filter(|one| moved(dossier, one)));
        let corrections: Vec<Correction> = corrections.cloned().collect();
        plant(tx, &corrections).await?;
        store::put_corrections(tx.conn(), corrections).await?;
        for dossier in of.into_values() {
            let accounts = dossier.joined.iter().filter_map(|id| systems.get(id)).map(|system| system.account);
            let joins: Vec<_> = accounts.map(|account| (&dossier.ticket, account)).collect();
            tickets::commands::join_systems(tx, &joins).await?;
            Box::pin(dossier.follow(tx)).await?;
        }
        Ok(())
    }
}

/// Has the endpoints called that something is due for.
async fn plant(tx: &mut Tx, corrections: &[Correction]) -> Result<()> {
    let mut due: BTreeMap<SystemId, Timestamp> = BTreeMap::new();
    for correction in corrections {
        if let Some(at) = correction.due_at {
            let first = due.entry(correction.system).or_insert(at);
            *first = Ord::min(*first, at);
        }
    }
    for (system, at) in due {
        jobs::ring_in_lane(tx, react::LANE, &[(react::DELIVER, &system.to_string(), at)]).await?;
    }
    Ok(())
}

/// Notes where two systems begin to differ, and where they agree again.
async fn compare(tx: &Tx, dossiers: impl Iterator<Item = &Dossier>) -> Result<()> {
    let dossiers: Vec<&Dossier> = dossiers.collect();
    if dossiers.is_empty() {
        return Ok(());
    }
    let ids: Vec<TicketId> = dossiers.iter().map(|dossier| dossier.ticket.id).collect();
    let open = store::open_differences(tx.conn(), &ids).await?;
    let (mut ended, mut began) = (Vec::new(), Vec::new());
    for dossier in dossiers {
        let mut differ: HashSet<(SystemId, SystemId)> = HashSet::new();
        let held: Vec<(SystemId, TicketStatus)> =
            dossier.reporting().filter_map(|holding| Some((holding.system, holding.status?))).collect();
        for (place, (first, status)) in held.iter().enumerate() {
            for (second, other) in &held[place + 1..] {
                if status != other {
                    differ.insert((*first, *second));
                }
            }
        }
        for row in open.iter().filter(|row| row.ticket_id == dossier.ticket.id) {
            if !differ.remove(&(row.first_id, row.second_id)) {
                ended.push(row.id);
            }
        }
        began.extend(differ.into_iter().map(|(first_id, second_id)| hub_difference::Model {
            id: tx.new_uuid(),
            ticket_id: dossier.ticket.id,
            first_id,
            second_id,
            began_at: tx.now,
            ended_at: None,
        }));
    }
    store::end_differences(tx.conn(), ended, tx.now).await?;
    store::begin_differences(tx.conn(), began).await
}

impl Dossier {
    /// What was done here before any system spoke of the ticket.
    fn recall(&mut self, tx: &Tx, rows: Vec<log::Row>) {
        for row in rows {
            let Event::Ticket(event) = &*row.event else { continue };
            let Some(before) = &event.before else { continue };
            if before.status != event.after.status {
                let reopening = matches!(event.fact, Fact::Reopened { .. });
                self.enter_at(tx, row.at, event.after.status, reopening, row.side != Side::System, row.actor);
            }
        }
        if self.merge.truth().status != self.ticket.status {
            // History that does not say how it came there.
            let (at, status) = (self.ticket.updated_at, self.ticket.status);
            self.enter_at(tx, at, status, true, false, None);
        }
    }

    /// What is done here now.
    pub fn enter(&mut self, tx: &Tx, status: TicketStatus, reopening: bool) {
        let person = tx.actor().user_id();
        self.enter_at(tx, tx.now, status, reopening, person.is_some(), person.map(|id| id.0));
    }

    fn enter_at(
        &mut self,
        tx: &Tx,
        at: Timestamp,
        status: TicketStatus,
        reopens: bool,
        by_person: bool,
        operator: Option<uuid::Uuid>,
    ) {
        let at = self.merge.next_at(at);
        let entry = Entry::here(&self.ticket.token, at, status, reopens, by_person);
        let digest = entry.digest;
        let outcome = self.merge.insert(entry);
        self.new_reports.push(StatusReport {
            id: ReportId(tx.new_uuid()),
            ticket: self.ticket.id,
            system: None,
            rank: RANK_OF_BUOY,
            word: status.word().to_owned(),
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

    /// A system is linked to it, or speaks of it.
    pub fn join(&mut self, system: SystemId) {
        if !self.holdings.contains_key(&system) {
            let holding = Holding { ticket: self.ticket.id, system, report: None, correction: None, status: None };
            self.holdings.insert(system, holding);
            self.moved_holdings.insert(system);
            self.joined.push(system);
        }
    }

    /// Puts a system's report at its place.
    pub fn insert(&mut self, mut report: StatusReport, system: &System) -> Outcome {
        let entry = report.entry(Some(&system.key));
        let outcome = self.merge.insert(entry);
        self.spoke.insert(system.id);
        if outcome == Outcome::Duplicate {
            return outcome;
        }
        report.outcome = outcome;
        report.received_at = self.now;
        self.join(system.id);
        let latest = self.merge.latest();
        let is_latest =
            latest.get(system.key.as_str()).is_some_and(|entry| entry.digest == report.digest && entry.at == report.at);
        if is_latest && let Some(holding) = self.holdings.get_mut(&system.id) {
            holding.report = Some(report.id);
            holding.correction = None;
            holding.status = report.status;
            self.moved_holdings.insert(system.id);
        }
        self.received.insert(report.id, report.received_at);
        self.new_reports.push(report);
        outcome
    }

    /// Words are known now that were not: what those who said them hold, they hold.
    pub fn hold_anew(&mut self, reports: &[StatusReport]) {
        for holding in self.holdings.values_mut().filter(|holding| holding.correction.is_none()) {
            let said = reports.iter().find(|report| Some(report.id) == holding.report);
            if let Some(said) = said.filter(|said| said.status != holding.status) {
                holding.status = said.status;
                self.moved_holdings.insert(holding.system);
                self.spoke.insert(holding.system);
            }
        }
    }

    /// Corrections of a system that a report may be the echo of, oldest first: the one that it names, or those since which
    /// the system has said nothing.
    pub fn echoed(&self, system: SystemId, named: bool) -> Vec<&Correction> {
        let said_at = self.said_at(system);
        let open = |one: &&Correction| one.system == system && (named || said_at.is_none_or(|at| at <= one.created_at));
        self.corrections.iter().filter(open).collect()
    }

    /// When the latest report of a system came.
    fn said_at(&self, system: SystemId) -> Option<Timestamp> {
        self.holdings.get(&system)?.report.and_then(|report| self.received.get(&report)).copied()
    }

    fn has_correction(&self, id: CorrectionId) -> bool {
        self.corrections.iter().any(|one| one.id == id)
    }

    /// A system has taken a correction: it holds what it was told, unless it has said something else since.
    /// `event`: what it called the report that says so.
    pub fn acknowledge(&mut self, id: CorrectionId, event: Option<String>) -> bool {
        let now = self.now;
        let Some(correction) = self.corrections.iter_mut().find(|one| one.id == id) else { return false };
        if event.is_some() && correction.echo_event.is_none() {
            correction.echo_event = event;
            self.moved_corrections.insert(id);
        }
        if correction.acknowledged_at.is_some() {
            return false;
        }
        correction.acknowledged_at = Some(now);
        correction.due_at = None;
        correction.failure = None;
        if correction.is_open() {
            correction.state = CorrectionState::Acknowledged;
        }
        self.moved_corrections.insert(id);
        let (system, status, created_at) = (correction.system, correction.status, correction.created_at);
        if self.said_at(system).is_none_or(|at| at <= created_at)
            && let Some(holding) = self.holdings.get_mut(&system)
            // Ids rise with time: it may hold a later one by now.
            && holding.correction.is_none_or(|held| held < id)
        {
            holding.correction = Some(id);
            holding.status = Some(status);
            self.moved_holdings.insert(system);
        }
        true
    }

    fn reporting(&self) -> impl Iterator<Item = &Holding> {
        self.holdings.values().filter(|holding| holding.report.is_some())
    }

    /// What each system is to be told, now that the truth may be another.
    async fn correct(&mut self, tx: &mut Tx, systems: &HashMap<SystemId, Arc<System>>) -> Result<()> {
        let truth = self.merge.truth();
        let changed = self.before.0 != truth.status;
        let ids: Vec<SystemId> = self.holdings.keys().copied().collect();
        for id in ids {
            let Some(system) = systems.get(&id) else { continue };
            let holds = self.holdings[&id].status;
            let open = self.corrections.iter_mut().rfind(|one| one.system == id && one.is_open());
            let cause = self.merge.cause(&system.key).map(|cause| hex::encode(&cause[..16]));
            let differs = cause.is_some() && holds != Some(truth.status);
            if let Some(open) = open {
                let same = open.status == truth.status && !self.spoke.contains(&id);
                if differs && (same || Some(&open.cause) == cause.as_ref()) {
                    continue;
                }
                open.state = CorrectionState::Overtaken;
                open.due_at = None;
                self.moved_corrections.insert(open.id);
            }
            // Linking alone tells nobody anything.
            if !differs || !(changed || self.spoke.contains(&id)) {
                continue;
            }
            let Some(cause) = cause else { continue };
            let correction = Correction {
                id: CorrectionId(tx.new_uuid()),
                ticket: self.ticket.id,
                system: id,
                status: truth.status,
                cause,
                created_at: self.now,
                state: CorrectionState::Due,
                attempts: 0,
                refusals: 0,
                due_at: system.endpoint().map(|_| tx.now),
                sent_at: None,
                acknowledged_at: None,
                failure: None,
                echo_event: None,
            };
            let due = HubEvent::CorrectionDue { system: id, correction: correction.id, ticket: self.ticket.id };
            tx.record(Event::Hub(due)).await?;
            self.moved_corrections.insert(correction.id);
            self.corrections.push(correction);
        }
        Ok(())
    }

    /// How it is kept now, where that is another way than before.
    fn row(&self, now: Timestamp) -> Option<hub_ticket::Model> {
        let truth = self.merge.truth();
        let reporting = i32::try_from(self.reporting().count()).unwrap_or(i32::MAX);
        let compared_from = self.kept.as_ref().and_then(|kept| kept.compared_from);
        let row = hub_ticket::Model {
            ticket_id: self.ticket.id,
            status: truth.status.word().to_owned(),
            changed_at: truth.by.map(|by| by.at),
            reopenings: truth.reopenings,
            reporting,
            compared_from: compared_from.or((reporting >= 2).then_some(now)),
        };
        (self.kept.as_ref() != Some(&row)).then_some(row)
    }

    /// Lets the ticket take the steps that lead to the truth.
    async fn follow(self, tx: &mut Tx) -> Result<()> {
        let truth = self.merge.truth();
        let Some(by) = truth.by else { return Ok(()) };
        // What was done here counts on the ticket already.
        let reopenings = if self.spoke.is_empty() { 0 } else { truth.reopenings - self.before.1 };
        if truth.status == self.ticket.status && self.ticket.pending.is_none() && reopenings == 0 {
            return Ok(());
        }
        let system = match by.source {
            Source::System(key) => key,
            Source::Buoy => BUOY.to_owned(),
        };
        let reported = Reported {
            status: truth.status,
            at: by.at,
            system,
            reopened_at: truth.reopened_at,
            reopenings,
            first_reopened_at: truth.first_reopened_at,
        };
        tickets::commands::follow(tx, self.ticket, &reported).await.map(drop)
    }
}
