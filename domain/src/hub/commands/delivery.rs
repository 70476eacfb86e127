//! Delivery of corrections by webhook: each system is an [`Outbox`].

use std::time::Duration;

use uuid::Uuid;

use super::super::model::{
    Correction, CorrectionState, DELIVER_JOB, HubEvent, HubFact, QUEUE, ReplayDeadLetters, ReplayDelivery, Settings,
    System,
};
use super::super::{queries, store};
use super::no_such_system;
use super::ticket_sync::{LoadScope, TicketSyncBatch};
use crate::kernel::{Code, CorrectionId, Locale, Refusal, Result, SystemId, TicketId, Timestamp, boxed, refuse};
use crate::msg;
use crate::runtime::{App, Command, Ctx, Tx};
use crate::tickets;
use crate::webhooks::commands::{Outbox, replay, replay_all};
use crate::webhooks::model::{Endpoint, OutgoingMessage, QueueState, SealedSecret};

async fn system_of(tx: &Tx, id: SystemId) -> Result<Option<System>> {
    Ok(store::systems(tx.conn()).await?.into_iter().find(|system| system.id == id))
}

fn correction_ids(messages: Vec<Uuid>) -> Vec<CorrectionId> {
    messages.into_iter().map(CorrectionId).collect()
}

impl Outbox for System {
    type Message = Correction;

    const QUEUE: &'static str = QUEUE;
    const JOB: &'static str = DELIVER_JOB;

    #[boxed]
    async fn load(tx: &Tx, id: Uuid) -> Result<Option<Self>> {
        system_of(tx, SystemId(id)).await
    }

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    #[boxed]
    async fn save_endpoint(&mut self, tx: &Tx, endpoint: Endpoint) -> Result<()> {
        self.endpoint = endpoint;
        store::save_system(tx.conn(), self).await?;
        queries::invalidate_systems(tx.app());
        Ok(())
    }

    fn disable_after(app: &App) -> Duration {
        app.state::<Settings>().disable_after()
    }

    #[boxed]
    async fn secrets(&self, tx: &Tx) -> Result<Vec<SealedSecret>> {
        store::secrets(tx.conn(), self.id).await
    }

    #[boxed]
    async fn insert_secret(&self, tx: &Tx, sealed: Vec<u8>) -> Result<()> {
        store::insert_secret(tx, self.id, sealed).await
    }

    #[boxed]
    async fn end_secrets(&self, tx: &Tx, at: Timestamp) -> Result<()> {
        store::end_secrets(tx, self.id, at).await
    }

    #[boxed]
    async fn claim_due(&self, tx: &Tx, max: u64) -> Result<Vec<OutgoingMessage>> {
        let corrections = store::claim_due(tx.conn(), self.id, tx.now, max).await?;
        if corrections.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<TicketId> = corrections.iter().map(|one| one.ticket).collect();
        let tokens = tickets::queries::tokens(tx.conn(), &ids).await?;
        let outgoing = corrections.iter().map(|one| {
            let token = tokens.get(&one.ticket).map_or("", String::as_str);
            OutgoingMessage { id: one.id.0, body: message_body(self, one, token) }
        });
        Ok(outgoing.collect())
    }

    #[boxed]
    async fn revert_attempts(&self, tx: &Tx, unsent: Vec<Uuid>) -> Result<()> {
        store::revert_attempts(tx.conn(), correction_ids(unsent)).await
    }

    #[boxed]
    async fn first_due_at(&self, tx: &Tx) -> Result<Option<Timestamp>> {
        store::first_due_at(tx.conn(), self.id).await
    }

    #[boxed]
    async fn still_due(&self, tx: &Tx, ids: Vec<Uuid>) -> Result<Vec<Correction>> {
        let mut corrections = store::corrections(tx.conn(), &correction_ids(ids)).await?;
        corrections.retain(|one| one.state == CorrectionState::Due);
        Ok(corrections)
    }

    #[boxed]
    async fn dead_letters(&self, tx: &Tx, max: u64) -> Result<Vec<Correction>> {
        store::dead_letters(tx.conn(), self.id, max).await
    }

    #[boxed]
    async fn save(&self, tx: &Tx, messages: Vec<Correction>, from: QueueState) -> Result<()> {
        store::put_corrections_where(tx.conn(), messages, CorrectionState::from(from)).await
    }

    #[boxed]
    async fn dead_letter_all(&self, tx: &Tx) -> Result<Vec<Correction>> {
        store::dead_letter_all(tx.conn(), self.id).await
    }

    #[boxed]
    async fn on_accepted(&self, tx: &mut Tx, ids: Vec<Uuid>) -> Result<()> {
        acknowledge(tx, self.id, &correction_ids(ids)).await
    }

    #[boxed]
    async fn on_dead(&self, tx: &mut Tx, messages: Vec<Correction>) -> Result<()> {
        for one in messages {
            let event = HubEvent::CorrectionDead { system: self.id, correction: one.id, ticket: one.ticket };
            tx.record(event).await?;
        }
        Ok(())
    }

    #[boxed]
    async fn on_replayed(&self, tx: &mut Tx, messages: &[Correction]) -> Result<()> {
        for one in messages {
            let event = HubEvent::CorrectionReplayed { system: self.id, correction: one.id, ticket: one.ticket };
            tx.record(event).await?;
        }
        Ok(())
    }

    #[boxed]
    async fn on_disabled(&self, tx: &mut Tx) -> Result<()> {
        // The log is in English.
        let because = self.endpoint.disabled_because.as_ref().map(|why| why.text(Locale::En)).unwrap_or_default();
        let event = HubEvent::SystemDisabled { system: self.id, key: self.key.clone(), because };
        tx.record(event).await
    }

    fn inactive(&self) -> Refusal {
        refuse(Code::Invalid, "deliveryId", msg!("hub-endpoint-inactive", key = self.key))
    }
}

fn message_body(system: &System, one: &Correction, token: &str) -> String {
    let source_status = system.source_status_for(one.status);
    serde_json::json!({
        "type": "ticket.status_corrected",
        "timestamp": one.created_at.to_string(),
        "data": { "uuid": token, "status": one.status.as_str(), "word": source_status, "causeId": one.id.to_string() },
    })
    .to_string()
}

/// Marks corrections as acknowledged by their system.
async fn acknowledge(tx: &mut Tx, system: SystemId, ids: &[CorrectionId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let corrections = store::corrections(tx.conn(), ids).await?;
    let of: Vec<TicketId> = corrections.iter().map(|one| one.ticket).collect();
    let mut batch = TicketSyncBatch::load(tx, &of, LoadScope::Tracked).await?;
    batch.load_corrections(tx, system, ids.to_vec()).await?;
    let key = batch.systems.get(&system).map(|system| system.key.clone()).unwrap_or_default();
    for correction in corrections {
        let (id, status) = (correction.id, correction.status);
        let is_new = batch.get(correction.ticket).is_some_and(|sync| sync.acknowledge(id, None));
        if let Some(ticket) = batch.ticket(correction.ticket).filter(|_| is_new) {
            let fact = HubFact::CorrectionAcknowledged { system: key.clone(), status };
            tickets::commands::append_fact_to(tx, ticket, fact.into()).await?;
        }
    }
    batch.save(tx).await
}

/// Marks corrections as sent to a subscriber, so that a report soon afterwards can be recognised as their echo.
#[boxed]
pub async fn mark_streamed(cx: &Ctx, ids: &[CorrectionId]) -> Result<()> {
    let tx = cx.begin().await?;
    store::mark_sent(tx.conn(), ids, tx.now).await?;
    tx.commit().await
}

fn no_dead_letter() -> Refusal {
    refuse(Code::NotFound, "deliveryId", msg!("hub-dead-letter-not-found"))
}

impl Command for ReplayDelivery {
    const NAME: &'static str = "replayDelivery";
    type Output = CorrectionId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CorrectionId> {
        tx.actor().require_admin()?;
        let found = store::corrections(tx.conn(), &[self.correction]).await?;
        let dead: Vec<Correction> = found.into_iter().filter(|one| one.state == CorrectionState::Dead).collect();
        let of = dead.first().map(|one| one.system).ok_or_else(no_dead_letter)?;
        let system = system_of(tx, of).await?.ok_or_else(no_dead_letter)?;
        replay(tx, &system, dead).await?;
        Ok(self.correction)
    }
}

impl Command for ReplayDeadLetters {
    const NAME: &'static str = "replayDeadLetters";
    type Output = u64;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.actor().require_admin()?;
        let systems = store::systems(tx.conn()).await?;
        let system = systems.into_iter().find(|system| system.key == self.system);
        let system = system.ok_or_else(|| no_such_system("systemKey", &self.system))?;
        replay_all(tx, &system).await
    }
}
