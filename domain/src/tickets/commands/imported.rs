//! Tickets imported from other systems.

use super::create::next_numbers;
use crate::catalogue;
use crate::catalogue::model::{CatalogueSnapshot, Entry, Kind};
use crate::kernel::Result;
use crate::runtime::Tx;
use crate::tickets::decide::token;
use crate::tickets::model::{Attribution, ExternalRef, Ticket, TicketEvent};
use crate::tickets::store;

/// A ticket from another system with its history. `ticket.number` and `ticket.token` are set on insertion.
pub struct ImportedTicket {
    pub ticket: Ticket,
    pub reference: ExternalRef,
    pub attribution: Option<Attribution>,
    /// What its source says of cause and solution, if that is no attribution.
    pub source_solution: Option<String>,
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
    let (mut tickets, mut refs, mut attributions, mut solutions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (imported, number) in imported.into_iter().zip(numbers) {
        let ImportedTicket { mut ticket, reference, attribution, source_solution, events } = imported;
        ticket.number = number;
        ticket.token = token::generate(&*tx.app().entropy);
        ticket.request.confidential = is_confidential(&known, &ticket);
        refs.push((ticket.id, reference));
        attributions.extend(attribution);
        solutions.extend(source_solution.map(|text| (ticket.id, text)));
        for (event, at) in events {
            tx.record_imported(event, at);
        }
        tickets.push(ticket);
    }
    store::insert(tx.conn(), tickets).await?;
    store::insert_new_refs(tx.conn(), refs).await?;
    if !attributions.is_empty() {
        store::upsert_attributions(tx.conn(), attributions).await?;
    }
    store::upsert_source_solutions(tx.conn(), solutions).await
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
    let ImportedTicket { mut ticket, reference: _, attribution, source_solution, events } = imported;
    let id = ticket.id;
    ticket.request.confidential = is_confidential(&*catalogue::queries::cached(tx.app()).await?, &ticket);
    let saved = store::save(tx, version, ticket).await?;
    for (event, at) in events {
        tx.record_imported(event, at);
    }
    if let Some(attribution) = attribution {
        store::upsert_attributions(tx.conn(), vec![attribution]).await?;
    }
    store::upsert_source_solutions(tx.conn(), source_solution.map(|text| (id, text)).into_iter().collect()).await?;
    Ok(saved.version)
}
