//! Notifications (tier 4): who was told what, by which way, and what came of it. 'I was never told' is answered with a fact.
//!
//! - One cause, one message: a notification is keyed by (causing event or level firing, recipient). The ways that were tried are
//!   deliveries below it, each `QUEUED → SENDING → SENT → DELIVERED`, or `FAILED` with the reason, or `UNKNOWN`.
//! - A message goes first to the channel that the person used last within two hours, else to their primary terminal; what fails, or
//!   shows in a window that nobody looks at, falls over to the next. Levels of escalation go to every channel that they name.
//! - Sending is a job of a lane: the attempt is recorded and committed, then sent, then its outcome recorded. A send in flight at a
//!   crash is `UNKNOWN`: levels 2 and 3 are sent again and say so, others are not.
//! - A provider's limit is a token bucket in the database. What exceeds it waits in one digest; levels 2 and 3 wait by themselves.
//! - Texts are made when they are read or sent, from the ticket as it is: the ledger holds no title.
//!
//! Events out: `NotificationDecided` … `NotificationOpened`. Events in: `Ticket*`. Jobs: `notifications.send`,
//! `notifications.unacknowledged`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;
