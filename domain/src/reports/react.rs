//! When reports are made by themselves.

use std::time::Duration;

use super::commands;
use crate::kernel::{Result, hours, minutes};
use crate::people::model::PeopleEvent;
use crate::runtime::Tx;
use crate::tickets;
use crate::tickets::model::{Fact, TicketEvent};

/// Every week it is looked where knowledge is missed.
pub const GAPS: &str = "reports.gaps";
/// Every month its report is to be made.
pub const MONTHLY: &str = "reports.monthly";
/// The report of a month is made.
pub const MAKE: &str = "reports.make";
/// The lane of work that reads much.
pub const LANE: &str = "reports";
/// Behind the end of a week or month.
pub const AFTER_MIDNIGHT: Duration = hours(1);
/// Once for what is redacted together.
pub const AGAIN_AFTER: Duration = minutes(1);

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if !matches!(event.fact, Fact::Redacted { .. }) {
        return Ok(());
    }
    let ticket = tickets::queries::by_ids(tx.conn(), &[event.ticket]).await?.remove(&event.ticket);
    commands::forget_files(tx, ticket.map(|ticket| ticket.created_at)).await
}

/// In the transaction of the event.
pub async fn on_people_event(tx: &mut Tx, event: &PeopleEvent) -> Result<()> {
    if matches!(event, PeopleEvent::UserRedacted { .. }) { commands::forget_files(tx, None).await } else { Ok(()) }
}
