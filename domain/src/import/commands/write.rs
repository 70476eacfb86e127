//! Writes tickets in batches, one transaction per batch.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::decide::history::{HistoryInput, TicketHistory, build_history, digest, into_update};
use super::super::decide::{RowReader, truncate};
use super::super::model::{ImportFinished, Omission, PartialTicket, RejectedRow, Row, Summary};
use super::super::store::{self, ticket_import};
use super::references::{ReferenceResolver, rejected};
use super::{BATCH, ImportObserver};
use crate::kernel::text::BODY_CHARS_MAX;
use crate::kernel::{Error, Result, TicketId, boxed};
use crate::msg;
use crate::notifications::model::Settings as Notifications;
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

    /// `gaps`: the tickets of which rows were refused.
    pub async fn write(
        &mut self,
        groups: Vec<Vec<Row>>,
        gaps: &HashSet<String>,
        observer: &mut impl ImportObserver,
    ) -> Result<()> {
        let mut report = BatchReport::default();
        self.write_batch(groups, gaps, &mut report).await?;
        // Outside the transaction, because the observer may be slow.
        for rejected in report.refusals {
            observer.refused(rejected).await;
        }
        for ticket in report.partial {
            observer.imported_partially(ticket).await;
        }
        Ok(())
    }

    async fn write_batch(
        &mut self,
        groups: Vec<Vec<Row>>,
        gaps: &HashSet<String>,
        report: &mut BatchReport,
    ) -> Result<()> {
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
        let mut held = self.held_references(&tx, &groups).await?;
        let (mut created, mut new_states) = (Vec::new(), Vec::new());
        let before = self.summary.clone();
        for rows in groups {
            let first = rows[0].clone();
            let group = TicketRows { rows: &rows, incomplete: gaps.contains(&first.id) };
            let known = existing.get(&first.id).and_then(|id| Some((import_states.get(id), tickets.get(id)?)));
            let outcome = match known {
                None => self.create(&mut tx, &group, &mut held).await,
                Some((state, ticket)) => self.update(&mut tx, &group, (state, ticket), &mut held).await,
            };
            match outcome {
                Ok(WriteOutcome::Created(history, state, omissions)) => {
                    self.summary.created += 1;
                    self.summary.events += history.events.len() as u64;
                    created.push(*history);
                    new_states.push(state);
                    self.count_omissions(&first, omissions, report);
                }
                Ok(WriteOutcome::Updated { state, events, omissions }) => {
                    self.summary.updated += 1;
                    self.summary.events += events;
                    new_states.push(state);
                    self.count_omissions(&first, omissions, report);
                }
                Ok(WriteOutcome::Unchanged) => self.summary.unchanged += 1,
                Err(Error::Refused(reasons)) => {
                    self.summary.refused += 1;
                    let reasons = reasons.into_iter().map(|refusal| refusal.message).collect();
                    report.refusals.push(RejectedRow {
                        line: first.line,
                        id: Some(first.id),
                        reasons,
                        leaves_gap: false,
                    });
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

    fn count_omissions(&mut self, first: &Row, omissions: Vec<Omission>, report: &mut BatchReport) {
        for omission in &omissions {
            match omission {
                Omission::Rows | Omission::SeveralTickets { .. } => {}
                Omission::Attribution { .. } => self.summary.unattributed += 1,
                Omission::RepeatedId { rows } => self.summary.repeated += *rows as u64 - 1,
                Omission::ClosingTime => self.summary.undated += 1,
                Omission::Texts { .. } => self.summary.shortened += 1,
                Omission::Reference { .. } => self.summary.taken += 1,
            }
        }
        let is_incomplete = |omission| matches!(omission, &Omission::Rows | &Omission::SeveralTickets { .. });
        self.summary.incomplete += u64::from(omissions.iter().any(is_incomplete));
        if !omissions.is_empty() {
            report.partial.push(PartialTicket { line: first.line, id: first.id.clone(), omissions });
        }
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

    /// The numbers in other systems that these rows give, and the tickets that have them already.
    async fn held_references(&self, tx: &Tx, groups: &[Vec<Row>]) -> Result<HeldReferences> {
        let mut held = HashMap::new();
        for system in self.reader.map().references.keys() {
            let given = groups.iter().flatten().flat_map(|row| &row.references);
            let ids: Vec<String> = given.filter(|of| of.system == *system).map(|of| of.external_id.clone()).collect();
            for ids in ids.chunks(BATCH) {
                let found = ids_by_refs(tx.conn(), system, ids).await?.into_iter();
                held.extend(found.map(|(external_id, id)| (ExternalRef { system: system.clone(), external_id }, id)));
            }
        }
        Ok(held)
    }

    async fn create(&mut self, tx: &mut Tx, group: &TicketRows<'_>, held: &mut HeldReferences) -> Result<WriteOutcome> {
        let id = TicketId(tx.new_uuid());
        self.references.resolve(tx, group.rows).await?;
        let (history, omissions) = self.to_imported(self.history(id, None, group, 0)?, group.rows, held);
        Ok(WriteOutcome::Created(Box::new(history), import_state(id, group.rows, 1), omissions))
    }

    fn history(
        &self,
        id: TicketId,
        before: Option<&Ticket>,
        group: &TicketRows<'_>,
        from: usize,
    ) -> Result<TicketHistory> {
        let TicketRows { rows, incomplete } = *group;
        let (source, rules) = (&self.reader.map().source, self.reader.history_rules());
        let (ids, locale) = (&self.references.ids, self.app.state::<Notifications>().locale());
        let input = HistoryInput { source, rules, before, rows, from, incomplete, ids, locale };
        build_history(id, &input).map_err(rejected)
    }

    async fn update(
        &mut self,
        tx: &mut Tx,
        group: &TicketRows<'_>,
        (state, ticket): (Option<&ticket_import::Model>, &Ticket),
        held: &mut HeldReferences,
    ) -> Result<WriteOutcome> {
        let (id, rows) = (ticket.id, group.rows);
        let Some(before) = state else {
            return Err(rejected(msg!("import-reference-taken")));
        };
        let known_rows = usize::try_from(before.rows).unwrap_or(0);
        let same = rows.len() >= known_rows && digest(&rows[..known_rows]) == before.digest;
        // Rows may be refused now that were accepted before, or the other way round.
        if same && rows.len() == known_rows && group.incomplete == ticket.history.incomplete {
            return Ok(WriteOutcome::Unchanged);
        }
        if ticket.version != before.version {
            return Err(rejected(msg!("import-ticket-changed")));
        }
        self.references.resolve(tx, rows).await?;
        // A list has the current state; a log only grows, unless its rows were corrected.
        let mut history = self.history(id, Some(ticket), group, if same { known_rows } else { 0 })?;
        if !same {
            history = into_update(history, ticket, &self.reader.map().source, tx.now);
        }
        let (history, omissions) = self.to_imported(history, rows, held);
        let events = history.events.len() as u64;
        let version = update_imported_ticket(tx, ticket.version, history).await?;
        Ok(WriteOutcome::Updated { state: import_state(id, rows, version), events, omissions })
    }

    fn to_imported(
        &self,
        history: TicketHistory,
        rows: &[Row],
        held: &mut HeldReferences,
    ) -> (ImportedTicket, Vec<Omission>) {
        let TicketHistory { ticket, attribution, source_solution, comments, events, mut omissions } = history;
        let reference = ExternalRef { system: self.reader.map().source.clone(), external_id: rows[0].id.clone() };
        let language = self.app.state::<Notifications>().locale();
        let source_solution = source_solution.map(|solution| truncate(&solution.text(language), BODY_CHARS_MAX));
        let mut references = vec![reference];
        for reference in rows.iter().flat_map(|row| &row.references) {
            match held.entry(reference.clone()) {
                Entry::Vacant(free) => {
                    free.insert(ticket.id);
                    references.push(reference.clone());
                }
                Entry::Occupied(holder) if *holder.get() == ticket.id => {}
                Entry::Occupied(_) => {
                    let ExternalRef { system, external_id } = reference.clone();
                    let omission = Omission::Reference { system, external_id };
                    if !omissions.contains(&omission) {
                        omissions.push(omission);
                    }
                }
            }
        }
        (ImportedTicket { ticket, references, attribution, source_solution, comments, events }, omissions)
    }
}

/// Numbers in other systems, and the ticket that has each.
type HeldReferences = HashMap<ExternalRef, TicketId>;

/// What an observer hears of a batch.
#[derive(Default)]
struct BatchReport {
    refusals: Vec<RejectedRow>,
    partial: Vec<PartialTicket>,
}

/// The rows of one ticket, in their order.
struct TicketRows<'a> {
    rows: &'a [Row],
    /// Others were refused.
    incomplete: bool,
}

/// The result for one ticket.
enum WriteOutcome {
    Created(Box<ImportedTicket>, ticket_import::Model, Vec<Omission>),
    Updated { state: ticket_import::Model, events: u64, omissions: Vec<Omission> },
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
