//! Tickets in batches, each a transaction.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::super::decide::RowReader;
use super::super::decide::history::{Told, digest, history, restated};
use super::super::model::{Refused, Row, Summary};
use super::super::store::ticket_import;
use super::Watcher;
use super::keys::{Keys, refused};
use crate::event::Event;
use crate::kernel::{Error, Result, TicketId};
use crate::runtime::{App, Ctx, Tx};
use crate::tickets::commands::{History, extend_history, insert_history};
use crate::tickets::model::{ExternalRef, Ticket};
use crate::tickets::queries::{ids_by_refs, indexed};

pub struct Writer {
    app: Arc<App>,
    reader: Arc<RowReader>,
    keys: Keys,
    summary: Summary,
}

impl Writer {
    pub fn new(app: Arc<App>, reader: Arc<RowReader>, summary: Summary) -> Self {
        let keys = Keys::new(reader.map());
        Self { app, reader, keys, summary }
    }

    pub fn tickets(&self) -> u64 {
        self.summary.tickets
    }

    pub async fn write(&mut self, groups: Vec<Vec<Row>>, watcher: &mut impl Watcher) -> Result<()> {
        let mut refusals = Vec::new();
        self.write_batch(groups, &mut refusals).await?;
        // Outside the transaction: whoever listens may be slow.
        for refused in refusals {
            watcher.refused(refused).await;
        }
        Ok(())
    }

    async fn write_batch(&mut self, groups: Vec<Vec<Row>>, refusals: &mut Vec<Refused>) -> Result<()> {
        let cx = Ctx { channel: "import", ..Ctx::system(&self.app) };
        let mut tx = cx.begin().await?;
        let source = self.reader.map().source.clone();
        let ids: Vec<String> = groups.iter().map(|rows| rows[0].id.clone()).collect();
        let there = ids_by_refs(tx.conn(), &source, &ids).await?;
        let there_ids: Vec<TicketId> = there.values().copied().collect();
        let marks: HashMap<TicketId, ticket_import::Model> = ticket_import::Entity::find()
            .filter(ticket_import::Column::TicketId.is_in(there_ids.iter().copied()))
            .all(tx.conn())
            .await?
            .into_iter()
            .map(|mark| (mark.ticket_id, mark))
            .collect();
        let present: HashMap<TicketId, Ticket> =
            indexed(tx.conn(), &there_ids).await?.into_iter().map(|found| (found.ticket.id, found.ticket)).collect();
        let (mut fresh, mut new_marks) = (Vec::new(), Vec::new());
        let before = self.summary.clone();
        for rows in groups {
            let first = rows[0].clone();
            let known = there.get(&first.id).and_then(|id| Some((marks.get(id), present.get(id)?)));
            let outcome = match known {
                None => self.create(&mut tx, &rows).await,
                Some((mark, ticket)) => self.extend(&mut tx, &rows, mark, ticket).await,
            };
            match outcome {
                Ok(Written::Fresh(history, mark)) => {
                    self.summary.created += 1;
                    self.summary.events += history.events.len() as u64;
                    fresh.push(*history);
                    new_marks.push(mark);
                }
                Ok(Written::Extended(mark, events)) => {
                    self.summary.updated += 1;
                    self.summary.events += events;
                    new_marks.push(mark);
                }
                Ok(Written::Unchanged) => self.summary.unchanged += 1,
                Err(Error::Refused(why)) => {
                    self.summary.refused += 1;
                    let said: Vec<String> = why.into_iter().map(|refusal| refusal.message.en).collect();
                    refusals.push(Refused { line: first.line, id: Some(first.id), reason: said.join(" ") });
                }
                Err(error) => {
                    tx.abandon(&error).await;
                    self.summary = before;
                    return Err(error);
                }
            }
        }
        insert_history(&mut tx, fresh).await?;
        if !new_marks.is_empty() {
            let mut replace = OnConflict::column(ticket_import::Column::TicketId);
            replace.update_columns([
                ticket_import::Column::Rows,
                ticket_import::Column::Digest,
                ticket_import::Column::Version,
            ]);
            ticket_import::Entity::insert_many(new_marks)
                .on_conflict(replace)
                .exec_without_returning(tx.conn())
                .await?;
        }
        if !self.summary.dry_run {
            return tx.commit().await;
        }
        // A dry run did everything but that: what it made is not there.
        self.keys = Keys::new(self.reader.map());
        Ok(())
    }

    pub async fn finish(self) -> Result<Summary> {
        let Self { app, reader, keys: _, summary } = self;
        if !summary.dry_run && summary.created + summary.updated > 0 {
            let mut tx = Ctx { channel: "import", ..Ctx::system(&app) }.begin().await?;
            let Summary { created, updated, refused, .. } = summary;
            let source = reader.map().source.clone();
            tx.record(Event::ImportFinished { source, created, updated, refused }).await?;
            tx.commit().await?;
        }
        Ok(summary)
    }

    async fn create(&mut self, tx: &mut Tx, rows: &[Row]) -> Result<Written> {
        let id = TicketId(tx.new_uuid());
        self.keys.resolve(tx, rows).await?;
        let told = history(id, &self.reader.map().source, None, rows, 0, &self.keys.ids).map_err(refused)?;
        Ok(Written::Fresh(Box::new(self.history(told, rows)), mark(id, rows, 1)))
    }

    async fn extend(
        &mut self,
        tx: &mut Tx,
        rows: &[Row],
        mark_before: Option<&ticket_import::Model>,
        ticket: &Ticket,
    ) -> Result<Written> {
        let id = ticket.id;
        let Some(before) = mark_before else {
            return Err(refused("the reference belongs to a ticket that was not imported; nothing of it was changed"));
        };
        let had = usize::try_from(before.rows).unwrap_or(0);
        let same = rows.len() >= had && digest(&rows[..had]) == before.digest;
        if same && rows.len() == had {
            return Ok(Written::Unchanged);
        }
        if ticket.version != before.version {
            return Err(refused("it was changed in Buoy since it was imported; nothing of it was changed"));
        }
        self.keys.resolve(tx, rows).await?;
        // A list says how a ticket stands now; a log grows, unless rows of it were mended.
        let (source, from) = (&self.reader.map().source, if same { had } else { 0 });
        let mut told = history(id, source, Some(ticket), rows, from, &self.keys.ids).map_err(refused)?;
        if !same {
            told = restated(told, ticket, source, tx.now);
        }
        let history = self.history(told, rows);
        let events = history.events.len() as u64;
        let version = extend_history(tx, ticket.version, history).await?;
        Ok(Written::Extended(mark(id, rows, version), events))
    }

    fn history(&self, told: Told, rows: &[Row]) -> History {
        let Told { ticket, attribution, events } = told;
        let reference = ExternalRef { system: self.reader.map().source.clone(), external_id: rows[0].id.clone() };
        History { ticket, reference, attribution, events }
    }
}

/// What became of one ticket.
enum Written {
    Fresh(Box<History>, ticket_import::ActiveModel),
    Extended(ticket_import::ActiveModel, u64),
    Unchanged,
}

fn mark(id: TicketId, rows: &[Row], version: i32) -> ticket_import::ActiveModel {
    ticket_import::ActiveModel {
        ticket_id: Set(id),
        rows: Set(i32::try_from(rows.len()).unwrap_or(i32::MAX)),
        digest: Set(digest(rows)),
        version: Set(version),
    }
}
