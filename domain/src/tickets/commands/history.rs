//! Tickets of other systems.

use super::create::next_numbers;
use crate::catalogue;
use crate::catalogue::model::{Entry, Everything, Kind};
use crate::event::Event;
use crate::kernel::Result;
use crate::runtime::Tx;
use crate::tickets::decide::token;
use crate::tickets::model::{Attribution, ExternalRef, Ticket, TicketEvent};
use crate::tickets::store;

/// A ticket from another system, with its history; `ticket.number` and `ticket.token` are given here.
pub struct History {
    pub ticket: Ticket,
    pub reference: ExternalRef,
    pub attribution: Option<Attribution>,
    /// In order, each with its own instant.
    pub events: Vec<(TicketEvent, crate::kernel::Timestamp)>,
}

/// Writes tickets of other systems as they are: nothing reacts, nothing is sent, no clock starts. The one way past the
/// life-cycle; what is not closed comes with the attribution that it needs (see `import::decide`).
pub async fn insert_history(tx: &mut Tx, histories: Vec<History>) -> Result<()> {
    if histories.is_empty() {
        return Ok(());
    }
    let numbers = next_numbers(tx, histories.len()).await?;
    let known = catalogue::queries::everything(tx.app()).await?;
    let (mut tickets, mut refs, mut attributions) = (Vec::new(), Vec::new(), Vec::new());
    for (History { mut ticket, reference, attribution, events }, number) in histories.into_iter().zip(numbers) {
        ticket.number = number;
        ticket.token = token::generate(&*tx.app().chance);
        ticket.confidential = is_confidential(&known, &ticket);
        refs.push((ticket.id, reference));
        attributions.extend(attribution);
        for (event, at) in events {
            tx.record_history(Event::Ticket(event), at);
        }
        tickets.push(ticket);
    }
    store::insert(tx.conn(), tickets).await?;
    store::insert_new_refs(tx.conn(), refs).await?;
    if !attributions.is_empty() {
        store::put_attributions(tx.conn(), attributions).await?;
    }
    Ok(())
}

/// By what is known of the catalogue: what an import made a moment ago is not confidential.
fn is_confidential(known: &Everything, ticket: &Ticket) -> bool {
    let of_team = ticket.team.and_then(|id| known.teams.get(&id)).is_some_and(|team| team.confidential);
    let of_type = |entry: &&Entry| entry.kind == Kind::IssueType && Some(&entry.key) == ticket.issue_type.as_ref();
    of_team || known.entries.iter().find(of_type).is_some_and(|entry| entry.confidential)
}

/// Adds what a ticket's source has told since; nobody has touched the ticket here in between (`version`).
pub async fn extend_history(tx: &mut Tx, version: i32, history: History) -> Result<i32> {
    let History { mut ticket, reference: _, attribution, events } = history;
    ticket.confidential = is_confidential(&*catalogue::queries::everything(tx.app()).await?, &ticket);
    let saved = store::save(tx, version, ticket).await?;
    for (event, at) in events {
        tx.record_history(Event::Ticket(event), at);
    }
    if let Some(attribution) = attribution {
        store::put_attributions(tx.conn(), vec![attribution]).await?;
    }
    Ok(saved.version)
}
