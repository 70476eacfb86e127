//! Tickets imported from other systems.

use super::create::next_numbers;
use crate::catalogue;
use crate::catalogue::model::{CatalogueSnapshot, Entry, Kind};
use crate::kernel::Result;
use crate::runtime::Tx;
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::decide::token;
use crate::tickets::model::{Attribution, Comment, ExternalRef, Fact, History, Ticket, TicketEvent};
use crate::tickets::store;

/// A ticket from another system with its history. `ticket.number` and `ticket.token` are set on insertion.
pub struct ImportedTicket {
    pub ticket: Ticket,
    /// Its number in the source first, then those in other systems that no ticket has.
    pub references: Vec<ExternalRef>,
    pub attribution: Option<Attribution>,
    /// What its source says of cause and solution, if that is no attribution.
    pub source_solution: Option<String>,
    pub comments: Vec<Comment>,
    /// In order, each with its time.
    pub events: Vec<(TicketEvent, crate::kernel::Timestamp)>,
}

/// Inserts tickets without reactions, messages or clocks. The only writes that bypass the life-cycle; `import::decide`
/// provides the attributions that it requires.
pub async fn insert_imported_tickets(tx: &mut Tx, imported: Vec<ImportedTicket>) -> Result<()> {
    if imported.is_empty() {
        return Ok(());
    }
    let numbers = next_numbers(tx, imported.len()).await?;
    let known = catalogue::queries::cached(tx.app()).await?;
    let (mut tickets, mut refs, mut attributions) = (Vec::new(), Vec::new(), Vec::new());
    let (mut solutions, mut comments) = (Vec::new(), Vec::new());
    for (imported, number) in imported.into_iter().zip(numbers) {
        let ImportedTicket { mut ticket, references, attribution, source_solution, comments: said, events } = imported;
        ticket.number = number;
        ticket.token = token::generate(&*tx.app().entropy);
        ticket.request.confidential = is_confidential(&known, &ticket);
        refs.extend(references.into_iter().map(|reference| (ticket.id, reference)));
        attributions.extend(attribution);
        solutions.extend(source_solution.map(|text| (ticket.id, text)));
        for (event, at) in events {
            tx.record_imported(event, at);
        }
        record_comments(tx, &ticket, &said);
        comments.extend(said);
        tickets.push(ticket);
    }
    store::insert(tx.conn(), tickets).await?;
    store::insert_new_refs(tx.conn(), refs).await?;
    if !attributions.is_empty() {
        store::upsert_attributions(tx.conn(), attributions).await?;
    }
    store::upsert_source_solutions(tx.conn(), solutions).await?;
    store::insert_comments(tx.conn(), comments).await
}

/// In the audit trail, at their own times.
fn record_comments(tx: &mut Tx, ticket: &Ticket, comments: &[Comment]) {
    for Comment { id, visibility, body, created_at, .. } in comments {
        let fact = Fact::Commented { comment: *id, visibility: *visibility, text_digest: text_digest(body) };
        let (before, after) = (None, ticket.snapshot());
        let history = Some(History { operator: None });
        let ticket = ticket.id;
        let event = TicketEvent { ticket, fact, before, after, first_response: false, reported: false, history };
        tx.record_imported(event, *created_at);
    }
}

/// By the cached catalogue: entries that the import has just created are not confidential.
fn is_confidential(known: &CatalogueSnapshot, ticket: &Ticket) -> bool {
    let of_team = ticket.assignment.team.and_then(|id| known.teams.get(&id)).is_some_and(|team| team.confidential);
    let of_type =
        |entry: &&Entry| entry.kind == Kind::IssueType && Some(&entry.key) == ticket.request.issue_type.as_ref();
    of_team || known.entries.iter().find(of_type).is_some_and(|entry| entry.confidential)
}

/// Adds newer history from the source. A conflict if the ticket is no longer at `version`.
pub async fn update_imported_ticket(tx: &mut Tx, version: i32, imported: ImportedTicket) -> Result<i32> {
    let ImportedTicket { mut ticket, references, attribution, source_solution, mut comments, events } = imported;
    let id = ticket.id;
    let known =
        store::known_comments(tx.conn(), &comments.iter().map(|comment| comment.id).collect::<Vec<_>>()).await?;
    comments.retain(|comment| !known.contains(&comment.id));
    record_comments(tx, &ticket, &comments);
    // The first one is that of the source, by which the ticket was found.
    let new_refs: Vec<_> = references.into_iter().skip(1).map(|reference| (id, reference)).collect();
    if !new_refs.is_empty() {
        store::insert_new_refs(tx.conn(), new_refs).await?;
    }
    ticket.request.confidential = is_confidential(&*catalogue::queries::cached(tx.app()).await?, &ticket);
    let saved = store::save(tx, version, ticket).await?;
    for (event, at) in events {
        tx.record_imported(event, at);
    }
    if let Some(attribution) = attribution {
        store::upsert_attributions(tx.conn(), vec![attribution]).await?;
    }
    store::upsert_source_solutions(tx.conn(), source_solution.map(|text| (id, text)).into_iter().collect()).await?;
    store::insert_comments(tx.conn(), comments).await?;
    Ok(saved.version)
}
