//! Writes tickets in batches, one transaction per batch.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::decide::RowReader;
use super::super::decide::history::{TicketHistory, build_history, digest, into_update};
use super::super::model::{ImportFinished, RejectedRow, Row, Summary};
use super::super::store::{self, ticket_import};
use super::ImportObserver;
use super::references::{ReferenceResolver, rejected};
use crate::kernel::{Error, Result, TicketId, boxed};
use crate::msg;
use crate::runtime::{App, Ctx, Tx};
use crate::tickets::commands::{ImportedTicket, insert_imported_tickets, update_imported_ticket};
use crate::tickets::model::{ExternalRef, Ticket};
use crate::tickets::queries::{ids_by_refs, indexed_tickets};

pub struct Writer {
    app: Arc<App>,
    reader: Arc<RowReader>,
    references: ReferenceResolver,
    summary: Summary,
}

impl Writer {
    pub fn new(app: Arc<App>, reader: Arc<RowReader>, summary: Summary) -> Self {
        let references = ReferenceResolver::new(reader.map());
        Self { app, reader, references, summary }
    }

    pub fn tickets(&self) -> u64 {
        self.summary.tickets
    }

    pub async fn write(&mut self, groups: Vec<Vec<Row>>, observer: &mut impl ImportObserver) -> Result<()> {
        let mut refusals = Vec::new();
        self.write_batch(groups, &mut refusals).await?;
        // Outside the transaction, because the observer may be slow.
        for rejected in refusals {
            observer.refused(rejected).await;
        }
        Ok(())
    }

    async fn write_batch(&mut self, groups: Vec<Vec<Row>>, refusals: &mut Vec<RejectedRow>) -> Result<()> {
        let cx = Ctx { channel: "import", ..Ctx::system(&self.app) };
        let mut tx = cx.begin().await?;
        let source = self.reader.map().source.clone();
        let ids: Vec<String> = groups.iter().map(|rows| rows[0].id.clone()).collect();
        let existing = ids_by_refs(tx.conn(), &source, &ids).await?;
        let existing_ids: Vec<TicketId> = existing.values().copied().collect();
        let import_states = store::states(tx.conn(), &existing_ids).await?;
        let tickets: HashMap<TicketId, Ticket> = indexed_tickets(tx.conn(), &existing_ids)
            .await?
            .into_iter()
            .map(|found| (found.ticket.id, found.ticket))
            .collect();
        let (mut created, mut new_states) = (Vec::new(), Vec::new());
        let before = self.summary.clone();
        for rows in groups {
            let first = rows[0].clone();
            let known = existing.get(&first.id).and_then(|id| Some((import_states.get(id), tickets.get(id)?)));
            let outcome = match known {
                None => self.create(&mut tx, &rows).await,
                Some((state, ticket)) => self.update(&mut tx, &rows, state, ticket).await,
            };
            match outcome {
                Ok(WriteOutcome::Created(history, state)) => {
                    self.summary.created += 1;
                    self.summary.events += history.events.len() as u64;
                    created.push(*history);
                    new_states.push(state);
                }
                Ok(WriteOutcome::Updated(state, events)) => {
                    self.summary.updated += 1;
                    self.summary.events += events;
                    new_states.push(state);
                }
                Ok(WriteOutcome::Unchanged) => self.summary.unchanged += 1,
                Err(Error::Refused(reasons)) => {
                    self.summary.refused += 1;
                    let reasons = reasons.into_iter().map(|refusal| refusal.message).collect();
                    refusals.push(RejectedRow { line: first.line, id: Some(first.id), reasons });
                }
                Err(error) => {
                    tx.rollback(&error).await;
                    self.summary = before;
                    return Err(error);
                }
            }
        }
        insert_imported_tickets(&mut tx, created).await?;
        store::upsert_states(tx.conn(), new_states).await?;
        if !self.summary.dry_run {
            return tx.commit().await;
        }
        // A dry run rolls back, so the created master data must be resolved again.
        self.references = ReferenceResolver::new(self.reader.map());
        Ok(())
    }

    #[boxed]
    pub async fn finish(self) -> Result<Summary> {
        let Self { app, reader, references: _, summary } = self;
        if !summary.dry_run && summary.created + summary.updated > 0 {
            let mut tx = Ctx { channel: "import", ..Ctx::system(&app) }.begin().await?;
            let Summary { created, updated, refused, .. } = summary;
            let source = reader.map().source.clone();
            tx.record(ImportFinished { source, created, updated, refused }).await?;
            tx.commit().await?;
        }
        Ok(summary)
    }

    async fn create(&mut self, tx: &mut Tx, rows: &[Row]) -> Result<WriteOutcome> {
        let id = TicketId(tx.new_uuid());
        self.references.resolve(tx, rows).await?;
        let history =
            build_history(id, &self.reader.map().source, None, rows, 0, &self.references.ids).map_err(rejected)?;
        Ok(WriteOutcome::Created(Box::new(self.to_imported(history, rows)), import_state(id, rows, 1)))
    }

    async fn update(
        &mut self,
        tx: &mut Tx,
        rows: &[Row],
        state: Option<&ticket_import::Model>,
        ticket: &Ticket,
    ) -> Result<WriteOutcome> {
        let id = ticket.id;
        let Some(before) = state else {
            return Err(rejected(msg!("import-reference-taken")));
        };
        let known_rows = usize::try_from(before.rows).unwrap_or(0);
        let same = rows.len() >= known_rows && digest(&rows[..known_rows]) == before.digest;
        if same && rows.len() == known_rows {
            return Ok(WriteOutcome::Unchanged);
        }
        if ticket.version != before.version {
            return Err(rejected(msg!("import-ticket-changed")));
        }
        self.references.resolve(tx, rows).await?;
        // A list has the current state; a log only grows, unless its rows were corrected.
        let (source, from) = (&self.reader.map().source, if same { known_rows } else { 0 });
        let mut history =
            build_history(id, source, Some(ticket), rows, from, &self.references.ids).map_err(rejected)?;
        if !same {
            history = into_update(history, ticket, source, tx.now);
        }
        let history = self.to_imported(history, rows);
        let events = history.events.len() as u64;
        let version = update_imported_ticket(tx, ticket.version, history).await?;
        Ok(WriteOutcome::Updated(import_state(id, rows, version), events))
    }

    fn to_imported(&self, history: TicketHistory, rows: &[Row]) -> ImportedTicket {
        let TicketHistory { ticket, attribution, events } = history;
        let reference = ExternalRef { system: self.reader.map().source.clone(), external_id: rows[0].id.clone() };
        ImportedTicket { ticket, reference, attribution, events }
    }
}

/// The result for one ticket.
enum WriteOutcome {
    Created(Box<ImportedTicket>, ticket_import::Model),
    Updated(ticket_import::Model, u64),
    Unchanged,
}

fn import_state(id: TicketId, rows: &[Row], version: i32) -> ticket_import::Model {
    ticket_import::Model {
        ticket_id: id,
        rows: i32::try_from(rows.len()).unwrap_or(i32::MAX),
        digest: digest(rows),
        version,
    }
}
