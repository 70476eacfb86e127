//! Writes of the hub: systems, their status reports, local changes to reported tickets, and corrections.

mod delivery;
mod reports;
mod systems;
mod ticket_sync;

use std::sync::Arc;

pub use self::delivery::mark_streamed;
pub use self::systems::{link_existing_tickets, rebuild_tickets};
use self::ticket_sync::{LoadScope, TicketSyncBatch};
use super::model::{CreateTicket, DismissPendingReport, LinkExternalRef, LocalChange, System, UnlinkExternalRef};
use super::{queries, store};
use crate::kernel::{ApiScope, Code, Error, Refusal, ReportId, Result, Role, TicketId, boxed, refuse};
use crate::msg;
use crate::runtime::{Command, Tx};
use crate::tickets;
use crate::tickets::decide::token;
use crate::tickets::model::{ExternalRef, TicketEvent};

/// The system that the actor is, if its API key has this scope.
pub(super) async fn calling_system(tx: &Tx, scope: ApiScope) -> Result<Arc<System>> {
    let person = tx.actor().person().ok_or_else(Error::unauthenticated)?;
    let system = queries::system_of(tx.app(), person.id).await?;
    let Some(system) = system else {
        return Err(refuse(Code::Forbidden, "", msg!("hub-system-required")).into());
    };
    if !person.has_scope(scope) {
        let scope = scope.as_str();
        return Err(refuse(Code::Forbidden, "", msg!("hub-scope-missing", scope = scope)).into());
    }
    Ok(system)
}

fn no_such_system(field: &str, key: &str) -> Refusal {
    refuse(Code::NotFound, field, msg!("hub-system-not-found", key = key))
}

/// Links systems to tickets, in the transaction of the event.
pub(super) async fn link(tx: &mut Tx, ids: &[TicketId], keys: &[String]) -> Result<()> {
    let systems = queries::systems(tx.app()).await?;
    let linked: Vec<_> = systems.values().filter(|system| keys.contains(&system.key)).map(|system| system.id).collect();
    if linked.is_empty() {
        return Ok(());
    }
    let mut batch = TicketSyncBatch::load(tx, ids, LoadScope::All).await?;
    for id in ids {
        let Some(sync) = batch.get(*id) else { continue };
        for system in &linked {
            sync.join(*system);
        }
    }
    batch.save(tx).await
}

/// Takes a system off a ticket that no longer has a reference of it, in the transaction of the event.
pub(super) async fn unlink(tx: &mut Tx, ticket: TicketId, key: &str) -> Result<()> {
    let systems = queries::systems(tx.app()).await?;
    let Some(system) = systems.values().find(|system| system.key == key).map(|system| system.id) else {
        return Ok(());
    };
    let mut batch = TicketSyncBatch::load(tx, &[ticket], LoadScope::Tracked).await?;
    if let Some(sync) = batch.get(ticket) {
        sync.leave(system);
    }
    batch.save(tx).await
}

/// Adds a local change of a reported ticket to its history, in the transaction of the event.
pub(super) async fn record_local_change(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if !store::is_tracked(tx.conn(), event.ticket).await? {
        return Ok(());
    }
    let mut batch = TicketSyncBatch::load(tx, &[event.ticket], LoadScope::Tracked).await?;
    let Some(sync) = batch.get(event.ticket) else { return Ok(()) };
    if !sync.supplies_pending(&event.fact) {
        let person = tx.actor().user_id();
        let change = LocalChange::new(event, tx.now, person.is_some(), person.map(|id| id.0));
        sync.append_local(change, ReportId(tx.new_uuid()));
    }
    batch.save(tx).await
}

impl Command for LinkExternalRef {
    const NAME: &'static str = "linkExternalRef";
    type Output = TicketId;

    /// Anyone who knows the token may link. From then on the system receives corrections of the ticket.
    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Self(link) = self;
        if tx.actor().is(Role::Partner) {
            let system = require_own_reference(tx, &link.reference).await?;
            let token = token::parse(&link.token);
            let ids = tickets::queries::ids_by_tokens(tx.conn(), token.into_iter().collect()).await?;
            let ids: Vec<TicketId> = ids.into_values().collect();
            self::link(tx, &ids, std::slice::from_ref(&system.key)).await?;
        }
        link.run(tx).await
    }
}

impl Command for UnlinkExternalRef {
    const NAME: &'static str = "unlinkExternalRef";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Self(unlink) = self;
        if tx.actor().is(Role::Partner) {
            require_own_reference(tx, &unlink.reference).await?;
        }
        unlink.run(tx).await
    }
}

impl Command for CreateTicket {
    const NAME: &'static str = "createTicket";
    type Output = TicketId;

    /// A system is linked to the ticket that it creates, with or without a number of its own: it sees the ticket, and receives corrections.
    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Self(create) = self;
        let is_system = tx.actor().is(Role::Partner) && !tx.actor().is_staff();
        if !is_system {
            return create.run(tx).await;
        }
        let system = calling_system(tx, ApiScope::Create).await?;
        for reference in &create.external_refs {
            check_own(&system, reference).map_err(|refusal| refusal.inside("externalRefs"))?;
        }
        let id = create.run(tx).await?;
        self::link(tx, &[id], std::slice::from_ref(&system.key)).await?;
        Ok(id)
    }
}

/// The calling system, if the reference is one of its own.
async fn require_own_reference(tx: &Tx, reference: &ExternalRef) -> Result<Arc<System>> {
    let system = calling_system(tx, ApiScope::Link).await?;
    check_own(&system, reference)?;
    Ok(system)
}

fn check_own(system: &System, reference: &ExternalRef) -> Result<(), Refusal> {
    if reference.system.trim() == system.key {
        return Ok(());
    }
    let key = &system.key;
    Err(refuse(Code::Forbidden, "system", msg!("hub-link-forbidden", key = key)))
}

impl Command for DismissPendingReport {
    const NAME: &'static str = "dismissPendingReport";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        tickets::commands::dismiss_pending(tx, self.ticket, self.expected_version).await.map(|ticket| ticket.id)
    }
}
