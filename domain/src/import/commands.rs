//! The import itself.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::decide::{RowReader, Step, digest, steps};
use super::model::{Map, Progress, Refused, Row, Summary};
use super::read;
use super::stage::{Stage, WINDOW};
use super::store::ticket_import;
use crate::catalogue::model::{Kind, SaveEntry, SaveTeam};
use crate::event::Event;
use crate::kernel::{Code, CustomerId, Error, Result, Role, TeamId, TicketId, UserId, refuse};
use crate::people::model::{CreateUser, SaveCustomer, UpdateUser};
use crate::runtime::{App, Command, Ctx, Tx};
use crate::tickets::commands::{History, extend_history, insert_history};
use crate::tickets::model::{
    Attribution, AttributionGiven, ExternalRef, Fact, History as OfHistory, Priority, Ticket, TicketEvent, TicketStatus,
};
use crate::tickets::queries::{ids_by_refs, indexed};
use crate::{catalogue, people};

/// Tickets of one transaction.
const BATCH: usize = 200;
/// Rows on their way from the reading thread.
const QUEUE: usize = 20;
const ROWS_AT_ONCE: usize = 500;

/// Whoever waits for an import.
pub trait Watcher: Send {
    fn progress(&mut self, progress: Progress);
    fn refused(&mut self, refused: Refused) -> impl Future<Output = ()> + Send;
}

/// Reads a file to its end, then writes its tickets.
pub async fn import<R: Read + Send + 'static>(
    app: &Arc<App>,
    file: R,
    map: Map,
    organisation: &jiff::tz::TimeZone,
    dry_run: bool,
    watcher: &mut impl Watcher,
) -> Result<Summary> {
    let reader = Arc::new(RowReader::new(map, organisation).map_err(bad_map)?);
    let mut summary = Summary { dry_run, ..Summary::default() };
    let stage = Stage::begin(&app.data_dir).await?;
    read_in(&stage, file, reader.clone(), &mut summary, watcher).await?;
    summary.tickets = stage.sort().await?;
    let mut writer = Writer { app: app.clone(), reader, known: Known::default(), summary };
    let mut last: Option<Row> = None;
    let mut group: Vec<Row> = Vec::new();
    let mut batch: Vec<Vec<Row>> = Vec::new();
    let mut done: u64 = 0;
    loop {
        let rows = stage.rows(last.as_ref()).await?;
        let more = rows.len() as u64 == WINDOW;
        last = rows.last().cloned();
        for row in rows {
            if group.first().is_some_and(|first| first.id != row.id) {
                batch.push(std::mem::take(&mut group));
            }
            group.push(row);
        }
        if !more && !group.is_empty() {
            batch.push(std::mem::take(&mut group));
        }
        while batch.len() >= BATCH || (!more && !batch.is_empty()) {
            let rest = batch.split_off(BATCH.min(batch.len()));
            let tickets = std::mem::replace(&mut batch, rest);
            done += tickets.len() as u64;
            writer.write(tickets, dry_run, watcher).await?;
            watcher.progress(Progress::Writing { done, of: writer.summary.tickets });
        }
        if !more {
            break;
        }
    }
    writer.finish().await
}

fn bad_map(reason: String) -> Error {
    refuse(Code::Invalid, "map", format!("The map: {reason}."), format!("导入映射：{reason}。")).into()
}

async fn read_in<R: Read + Send + 'static>(
    stage: &Stage,
    file: R,
    reader: Arc<RowReader>,
    summary: &mut Summary,
    watcher: &mut impl Watcher,
) -> Result<()> {
    let (send, mut receive) = mpsc::channel::<Vec<Result<Row, Refused>>>(QUEUE);
    let bytes = Arc::new(AtomicU64::new(0));
    let reading = tokio::task::spawn_blocking({
        let bytes = bytes.clone();
        move || {
            let mut chunk = Vec::with_capacity(ROWS_AT_ONCE);
            let mut each = |row| {
                chunk.push(row);
                chunk.len() < ROWS_AT_ONCE || send.blocking_send(std::mem::take(&mut chunk)).is_ok()
            };
            let outcome = read::read(file, reader.map(), &reader, bytes, &mut each);
            // A receiver that is gone has an error of its own.
            let _ = send.blocking_send(chunk);
            outcome
        }
    });
    while let Some(chunk) = receive.recv().await {
        let mut good = Vec::with_capacity(chunk.len());
        for row in chunk {
            summary.rows += 1;
            match row {
                Ok(row) => good.push(row),
                Err(refused) => {
                    summary.refused += 1;
                    watcher.refused(refused).await;
                }
            }
        }
        stage.put(&good).await?;
        watcher.progress(Progress::Reading { done: bytes.load(Ordering::Relaxed), rows: summary.rows });
    }
    let outcome = reading.await.map_err(Error::internal)?;
    outcome.map_err(|reason| refuse(Code::Invalid, "file", reason.clone(), reason).into())
}

/// Keys that were looked up or made before.
#[derive(Default)]
struct Known {
    entries: HashMap<(Kind, String), bool>,
    teams: HashMap<String, TeamId>,
    customers: HashMap<String, CustomerId>,
    people: HashMap<String, UserId>,
}

struct Writer {
    app: Arc<App>,
    reader: Arc<RowReader>,
    known: Known,
    summary: Summary,
}

impl Writer {
    async fn write(&mut self, groups: Vec<Vec<Row>>, dry_run: bool, watcher: &mut impl Watcher) -> Result<()> {
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
                Err(Error::Refused(refusals)) => {
                    self.summary.refused += 1;
                    let said: Vec<String> = refusals.into_iter().map(|refusal| refusal.message.en).collect();
                    watcher.refused(Refused { line: first.line, id: Some(first.id), reason: said.join(" ") }).await;
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
        // A dry run did everything but this.
        if dry_run { Ok(()) } else { tx.commit().await }
    }

    async fn finish(self) -> Result<Summary> {
        let Self { app, reader, known: _, summary } = self;
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
        let history = self.history(tx, id, None, rows, 0).await?;
        let mark = mark(id, rows, 1);
        Ok(Written::Fresh(Box::new(history), mark))
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
        if rows.len() < had || digest(&rows[..had.min(rows.len())]) != before.digest {
            return Err(refused("its source has rewritten what was imported before; nothing of it was changed"));
        }
        if rows.len() == had {
            return Ok(Written::Unchanged);
        }
        if ticket.version != before.version {
            return Err(refused("it was changed in Buoy since it was imported; nothing of it was changed"));
        }
        let history = self.history(tx, id, Some(ticket), rows, had).await?;
        let events = history.events.len() as u64;
        let version = extend_history(tx, ticket.version, history).await?;
        Ok(Written::Extended(mark(id, rows, version), events))
    }

    /// The ticket as its rows leave it, and the events of the rows from `from` on.
    async fn history(
        &mut self,
        tx: &mut Tx,
        id: TicketId,
        before: Option<&Ticket>,
        rows: &[Row],
        from: usize,
    ) -> Result<History> {
        let source = self.reader.map().source.clone();
        let first = &rows[0];
        let mut ticket = blank(id, first);
        let mut events = Vec::new();
        let mut last: Option<&Row> = None;
        let mut counted = (0, 0);
        for (place, row) in rows.iter().enumerate() {
            let was = ticket.snapshot();
            self.take_over(tx, &mut ticket, row).await?;
            let history = OfHistory { operator: row.operator.clone() };
            let mut tell = |fact: Fact, before, after| {
                if place >= from {
                    let event = TicketEvent { ticket: id, fact, before, after, history: Some(history.clone()) };
                    events.push((event, row.at));
                }
            };
            if last.is_none() {
                let fact = Fact::Imported { source: source.clone() };
                events_at_creation(&mut tell, fact, &ticket);
            }
            for step in steps(last, row) {
                let before = Some(was.clone()).filter(|was| *was != ticket.snapshot());
                let fact = match step {
                    Step::Entered(status) => entered(&mut ticket, &was.status, status, row, &mut counted.0),
                    Step::Moved { hand_over } => {
                        counted.1 += i32::from(hand_over);
                        Fact::Assigned { hand_over }
                    }
                    Step::Changed => Fact::Updated { fields: vec!["priority".to_owned()] },
                    Step::Noted => Fact::HistoryNoted { word: row.word.clone().unwrap_or_default() },
                };
                tell(fact, before, ticket.snapshot());
            }
            last = Some(row);
        }
        let last = rows.last().unwrap_or(first);
        if let Some(closed) = last.closed.filter(|_| last.status.is_none()) {
            close(&mut ticket, closed);
        }
        ticket.reopen_count = rows.iter().filter_map(|row| row.reopenings).max().unwrap_or(counted.0);
        ticket.hand_over_count = rows.iter().filter_map(|row| row.hand_overs).max().unwrap_or(counted.1);
        let latest = rows.iter().map(|row| row.at).chain(ticket.closed_at).max().unwrap_or(first.at);
        (ticket.updated_at, ticket.public_updated_at) = (latest, latest);
        if let Some(before) = before {
            let Ticket { number, token, version, .. } = before.clone();
            ticket = Ticket { number, token, version, ..ticket };
        }
        let attribution = self.attribution(tx, &ticket, last).await?;
        if ticket.status == TicketStatus::Resolved && attribution.is_none() {
            return Err(refused(
                "it is RESOLVED without attribution: name columns for it, or map the source's word to CLOSED",
            ));
        }
        let reference = ExternalRef { system: source, external_id: first.id.clone() };
        Ok(History { ticket, reference, attribution, events })
    }

    /// What a row says of the fields that stand beside the status.
    async fn take_over(&mut self, tx: &mut Tx, ticket: &mut Ticket, row: &Row) -> Result<()> {
        let create = self.reader.map().create;
        if let Some(key) = &row.issue_type {
            self.entry(tx, Kind::IssueType, key, create.issue_types).await?;
            ticket.issue_type = Some(key.clone());
        }
        if let Some(key) = &row.product {
            self.entry(tx, Kind::Product, key, create.products).await?;
            ticket.product = Some(key.clone());
        }
        if let Some(key) = &row.team {
            ticket.team = Some(self.team(tx, key).await?);
        }
        if let Some(key) = &row.customer {
            ticket.customer = Some(self.customer(tx, key).await?);
        }
        if let Some(name) = &row.assignee {
            ticket.assignee = Some(self.person(tx, name).await?);
        }
        if let Some(channel) = &row.channel {
            ticket.channel = channel.to_lowercase();
        }
        ticket.priority = row.priority.unwrap_or(ticket.priority);
        ticket.status = row.status.unwrap_or(ticket.status);
        let responded = !matches!(ticket.status, TicketStatus::New | TicketStatus::Assigned);
        if responded && ticket.first_responded_at.is_none() {
            ticket.first_responded_at = Some(row.at.max(ticket.created_at));
        }
        Ok(())
    }

    async fn entry(&mut self, tx: &mut Tx, kind: Kind, key: &str, create: bool) -> Result<()> {
        if self.known.entries.contains_key(&(kind, key.to_owned())) {
            return Ok(());
        }
        if catalogue::queries::find(tx.conn(), kind, key).await?.is_none() {
            if !create {
                return Err(refused(format!(
                    "{key:?} is not in the catalogue ({}): save it there, or let the map create it",
                    kind.word()
                )));
            }
            let entry = SaveEntry {
                kind,
                key: key.to_owned(),
                name: key.to_owned(),
                name_zh: None,
                archived: false,
                team_key: None,
                confidential: false,
            };
            entry.run(tx).await?;
        }
        self.known.entries.insert((kind, key.to_owned()), true);
        Ok(())
    }

    async fn team(&mut self, tx: &mut Tx, key: &str) -> Result<TeamId> {
        if let Some(id) = self.known.teams.get(key) {
            return Ok(*id);
        }
        let id = match catalogue::queries::team_by_key(tx.conn(), key).await? {
            Some(team) => team.id,
            None if self.reader.map().create.teams => {
                let name = key.to_owned();
                SaveTeam { key: name.clone(), name, name_zh: None, confidential: false, archived: false }
                    .run(tx)
                    .await?
            }
            None => return Err(refused(format!("there is no team {key:?}: save it, or let the map create it"))),
        };
        self.known.teams.insert(key.to_owned(), id);
        Ok(id)
    }

    async fn customer(&mut self, tx: &mut Tx, key: &str) -> Result<CustomerId> {
        if let Some(id) = self.known.customers.get(key) {
            return Ok(*id);
        }
        let id = match people::queries::customer_by_key(tx.conn(), key).await? {
            Some(customer) => customer.id,
            None if self.reader.map().create.customers => {
                SaveCustomer { key: key.to_owned(), name: key.to_owned(), region: None, archived: false }
                    .run(tx)
                    .await?
            }
            None => return Err(refused(format!("there is no customer {key:?}: save it, or let the map create it"))),
        };
        self.known.customers.insert(key.to_owned(), id);
        Ok(id)
    }

    /// An e-mail address names somebody here; another name becomes a disabled account, where the map says so.
    async fn person(&mut self, tx: &mut Tx, name: &str) -> Result<UserId> {
        if let Some(id) = self.known.people.get(name) {
            return Ok(*id);
        }
        let source = self.reader.map().source.to_lowercase();
        let email = if name.contains('@') {
            name.to_lowercase()
        } else {
            // Stable, so that the next import finds the same person.
            format!("{}@{source}.import.invalid", hex::encode(&Sha256::digest(name)[..8]))
        };
        let id = match people::queries::user_by_email(tx.conn(), &email).await? {
            Some(user) => user.id,
            None if self.reader.map().create.people => {
                let user = CreateUser {
                    email,
                    name: name.to_owned(),
                    roles: vec![Role::Agent],
                    team_keys: Vec::new(),
                    skills: Vec::new(),
                    products: Vec::new(),
                    customer_key: None,
                    supervisor: None,
                    password_hash: None,
                };
                let id = user.run(tx).await?;
                UpdateUser { user: Some(id), disabled: Some(true), ..UpdateUser::default() }.run(tx).await?;
                id
            }
            None => {
                return Err(refused(format!("nobody here is {name:?}: create the user, or let the map create people")));
            }
        };
        self.known.people.insert(name.to_owned(), id);
        Ok(id)
    }

    /// The attribution of a solved ticket, where its source has all of one.
    async fn attribution(&mut self, tx: &mut Tx, ticket: &Ticket, row: &Row) -> Result<Option<Attribution>> {
        let (Some(fault_type), Some(root_cause_level), Some(tag), Some(resolution), Some(by)) =
            (row.fault_type, row.root_cause_level, &row.solution_tag, &row.resolution, ticket.assignee)
        else {
            return Ok(None);
        };
        if !ticket.status.is_solved() {
            return Ok(None);
        }
        let create = self.reader.map().create.tags;
        self.entry(tx, Kind::SolutionTag, tag, create).await?;
        if let Some(cause) = &row.cause_tag {
            self.entry(tx, Kind::CauseTag, cause, create).await?;
        }
        let given = AttributionGiven {
            fault_type,
            root_cause_level,
            cause_tag: row.cause_tag.clone(),
            solution_tags: vec![tag.clone()],
            resolution: resolution.clone(),
        };
        Ok(Some(Attribution { ticket: ticket.id, given, by, at: ticket.resolved_at.unwrap_or(row.at) }))
    }
}

/// What became of one ticket.
enum Written {
    Fresh(Box<History>, ticket_import::ActiveModel),
    Extended(ticket_import::ActiveModel, u64),
    Unchanged,
}

fn refused(reason: impl Into<String>) -> Error {
    let reason = reason.into();
    refuse(Code::Invalid, "row", reason.clone(), reason).into()
}

fn mark(id: TicketId, rows: &[Row], version: i32) -> ticket_import::ActiveModel {
    ticket_import::ActiveModel {
        ticket_id: Set(id),
        rows: Set(i32::try_from(rows.len()).unwrap_or(i32::MAX)),
        digest: Set(digest(rows)),
        version: Set(version),
    }
}

fn events_at_creation(
    tell: &mut impl FnMut(Fact, Option<crate::tickets::model::Snapshot>, crate::tickets::model::Snapshot),
    fact: Fact,
    ticket: &Ticket,
) {
    tell(fact, None, ticket.snapshot());
}

/// The fact of entering a status, and what it leaves on the ticket.
fn entered(ticket: &mut Ticket, was: &TicketStatus, status: TicketStatus, row: &Row, reopened: &mut i32) -> Fact {
    let digest = crate::tickets::decide::lifecycle::text_digest;
    let reopening = was.is_solved() && status.is_open();
    if reopening {
        *reopened += 1;
        ticket.resolved_at = None;
        ticket.closed_at = None;
        return Fact::Reopened { comment: None };
    }
    match status {
        TicketStatus::Resolved => {
            ticket.resolved_at = Some(row.at);
            Fact::Resolved { text_digest: digest(row.resolution.as_deref().unwrap_or_default()) }
        }
        TicketStatus::Closed => {
            close(ticket, row.at);
            Fact::Closed { automatic: false }
        }
        TicketStatus::Waiting => Fact::WaitingSet { text_digest: digest("") },
        TicketStatus::Cancelled => Fact::Cancelled { text_digest: digest("") },
        TicketStatus::InProgress if *was == TicketStatus::Waiting => Fact::Resumed,
        TicketStatus::InProgress => Fact::Accepted,
        TicketStatus::New | TicketStatus::Assigned => Fact::HistoryNoted { word: row.word.clone().unwrap_or_default() },
    }
}

fn close(ticket: &mut Ticket, at: crate::kernel::Timestamp) {
    ticket.status = TicketStatus::Closed;
    ticket.resolved_at = ticket.resolved_at.or(Some(at));
    ticket.closed_at = Some(at);
}

/// The ticket of a first row, before any row says anything.
fn blank(id: TicketId, first: &Row) -> Ticket {
    Ticket {
        id,
        number: 0,
        token: String::new(),
        title: first.title.clone(),
        description: first.description.clone(),
        status: TicketStatus::New,
        priority: Priority::Normal,
        issue_type: None,
        product: None,
        required_skills: Vec::new(),
        channel: "import".to_owned(),
        version: 1,
        requester: None,
        customer: None,
        assignee: None,
        team: None,
        accepted: false,
        confidential: false,
        imported: true,
        created_at: first.created,
        updated_at: first.at,
        public_updated_at: first.at,
        first_opened_at: None,
        first_opened_by: None,
        first_responded_at: None,
        resolved_at: None,
        closed_at: None,
        reopen_count: 0,
        hand_over_count: 0,
        chase_count: 0,
        waiting_reason: None,
        cancel_reason: None,
        merged_into: None,
    }
}
