//! The hub's state of some tickets in one transaction: loaded with a few statements, decided, and saved with a few.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::super::decide::{TicketSync, sync, update_differences};
use super::super::model::{
    Correction, HubEvent, LocalChange, OpenDifference, Settings, StatusReport, StoredSync, SyncedTicket, System,
    SystemPair, SystemState, Systems,
};
use super::super::{queries, store};
use crate::kernel::{CorrectionId, Result, SystemId, TicketId, UserId, boxed};
use crate::runtime::{Side, Tx, log};
use crate::tickets;
use crate::tickets::model::{Ticket, TicketEvent};
use crate::webhooks::commands::schedule_runs;

/// The hub's state of several tickets.
pub(super) struct TicketSyncBatch {
    pub systems: Arc<Systems>,
    by_ticket: BTreeMap<TicketId, (Ticket, TicketSync)>,
}

/// Which tickets are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadScope {
    /// Those that the hub tracks.
    Tracked,
    /// The others as well; their history is replayed from the log.
    All,
}

/// The status changes of tickets made here until now, oldest first.
async fn local_history(tx: &Tx, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<LocalChange>>> {
    let mut history: HashMap<TicketId, Vec<LocalChange>> = HashMap::new();
    if ids.is_empty() {
        return Ok(history);
    }
    let subjects: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    for row in log::read_subjects(tx.app(), tx.conn(), &subjects).await? {
        if let Some(event) = row.event.get::<TicketEvent>()
            && event.before.as_ref().is_some_and(|before| before.status != event.after.status)
        {
            let change = LocalChange::new(event, row.at, row.side != Side::System, row.actor);
            history.entry(TicketId(row.subject)).or_default().push(change);
        }
    }
    Ok(history)
}

impl TicketSyncBatch {
    #[boxed]
    pub async fn load(tx: &Tx, ids: &[TicketId], scope: LoadScope) -> Result<Self> {
        let mut systems = queries::systems(tx.app()).await?;
        if ids.is_empty() {
            return Ok(Self { systems, by_ticket: BTreeMap::new() });
        }
        let mut tickets = tickets::commands::load_for_update(tx, ids).await?;
        let mut tracked = store::tracked_tickets(tx.conn(), ids).await?;
        if scope == LoadScope::Tracked {
            tickets.retain(|id, _| tracked.contains_key(id));
        }
        let ids: Vec<TicketId> = tickets.keys().copied().collect();
        let mut reports: HashMap<TicketId, Vec<StatusReport>> = HashMap::new();
        for report in store::reports_of(tx.conn(), &ids).await? {
            if report.system.is_some_and(|system| !systems.contains_key(&system)) {
                // The system was registered a moment ago on another node.
                queries::invalidate_systems(tx.app());
                systems = queries::systems(tx.app()).await?;
            }
            reports.entry(report.ticket).or_default().push(report);
        }
        let untracked: Vec<TicketId> = ids.iter().filter(|id| !tracked.contains_key(id)).copied().collect();
        let mut history = local_history(tx, &untracked).await?;
        let mut system_states: HashMap<TicketId, Vec<SystemState>> = HashMap::new();
        for state in store::system_states_of(tx.conn(), &ids).await? {
            system_states.entry(state.ticket).or_default().push(state);
        }
        let mut corrections: HashMap<TicketId, Vec<Correction>> = HashMap::new();
        let sent_since = tx.now - tx.app().state::<Settings>().echo_within();
        for correction in store::corrections_of(tx.conn(), &ids, sent_since).await? {
            corrections.entry(correction.ticket).or_default().push(correction);
        }
        let by_ticket = tickets.into_iter().map(|(id, ticket)| {
            let stored = StoredSync {
                ticket: SyncedTicket::from(&ticket),
                tracked: tracked.remove(&id),
                reports: reports.remove(&id).unwrap_or_default(),
                history: history.remove(&id).unwrap_or_default(),
                system_states: system_states.remove(&id).unwrap_or_default(),
                corrections: corrections.remove(&id).unwrap_or_default(),
            };
            (id, (ticket, TicketSync::new(stored, &systems, tx.now, &|| tx.new_uuid())))
        });
        let by_ticket = by_ticket.collect();
        Ok(Self { systems, by_ticket })
    }

    /// Loads these corrections of a system too, even if they are no longer open.
    pub async fn load_corrections(&mut self, tx: &Tx, system: SystemId, ids: Vec<CorrectionId>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        for correction in store::corrections(tx.conn(), &ids).await?.into_iter().filter(|one| one.system == system) {
            if let Some(sync) = self.get(correction.ticket) {
                sync.add_stored_correction(correction);
            }
        }
        Ok(())
    }

    pub fn get(&mut self, id: TicketId) -> Option<&mut TicketSync> {
        self.by_ticket.get_mut(&id).map(|(_, sync)| sync)
    }

    pub fn ticket(&self, id: TicketId) -> Option<&Ticket> {
        self.by_ticket.get(&id).map(|(ticket, _)| ticket)
    }

    /// Issues corrections, saves all changes, and moves the tickets to their new status.
    #[boxed]
    pub async fn save(self, tx: &mut Tx) -> Result<()> {
        let Self { systems, by_ticket } = self;
        let (mut reports, mut system_states, mut corrections) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tracked, mut differing, mut updates) = (Vec::new(), Vec::new(), Vec::new());
        let mut left: Vec<(TicketId, SystemId)> = Vec::new();
        for (id, (ticket, state)) in by_ticket {
            let decision = sync(state, &systems, tx.now, &|| tx.new_uuid());
            for (system, correction) in decision.issued {
                tx.record(HubEvent::CorrectionDue { system, correction, ticket: id }).await?;
            }
            reports.extend(decision.reports);
            system_states.extend(decision.system_states);
            corrections.extend(decision.corrections);
            tracked.extend(decision.tracked);
            differing.extend(decision.differing.map(|pairs| (id, pairs)));
            left.extend(decision.left.iter().map(|system| (id, *system)));
            updates.push((ticket, decision.joined, decision.left, decision.status));
        }
        store::insert_reports(tx.conn(), reports).await?;
        save_differences(tx, differing).await?;
        store::put_tracked_tickets(tx.conn(), tracked).await?;
        store::put_system_states(tx.conn(), system_states).await?;
        store::delete_system_states(tx.conn(), left).await?;
        let due = corrections.iter().filter_map(|one| Some((one.system.0, one.delivery.due_at?))).collect();
        schedule_runs::<System>(tx, due).await?;
        store::put_corrections(tx.conn(), corrections).await?;
        for (ticket, joined, left, status) in updates {
            let accounts_of = |ids: &[SystemId]| -> Vec<(&Ticket, UserId)> {
                ids.iter().filter_map(|id| Some((&ticket, systems.get(id)?.account))).collect()
            };
            let (joins, leaves) = (accounts_of(&joined), accounts_of(&left));
            tickets::commands::add_system_participants(tx, &joins).await?;
            tickets::commands::remove_system_participants(tx, &leaves).await?;
            if let Some(reported) = status {
                tickets::commands::sync_status(tx, ticket, &reported).await?;
            }
        }
        Ok(())
    }
}

/// Records where two systems begin to differ, and where they agree again.
async fn save_differences(tx: &Tx, differing: Vec<(TicketId, BTreeSet<SystemPair>)>) -> Result<()> {
    if differing.is_empty() {
        return Ok(());
    }
    let ids: Vec<TicketId> = differing.iter().map(|(id, _)| *id).collect();
    let open = store::open_differences(tx.conn(), &ids).await?;
    let (mut all_ended, mut all_began) = (Vec::new(), Vec::new());
    for (ticket, pairs) in differing {
        let of: Vec<&OpenDifference> = open.iter().filter(|one| one.ticket == ticket).collect();
        let (ended, began) = update_differences(&of, pairs);
        all_ended.extend(ended);
        all_began.extend(began.into_iter().map(|pair| OpenDifference { id: tx.new_uuid(), ticket, pair }));
    }
    store::end_differences(tx.conn(), all_ended, tx.now).await?;
    store::begin_differences(tx.conn(), all_began, tx.now).await
}
