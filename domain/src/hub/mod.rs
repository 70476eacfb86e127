//! Hub (tier 6): one truth for a ticket that several systems speak of.
//!
//! - The truth is a fold over all accepted reports and Buoy's own changes in one total order ([`decide::Merge`]). Each
//!   entry is put at its place and the fold made anew, so every order of arrival and every node come to the same truth,
//!   the same conflicts and, for each system, the same last correction due.
//! - Nothing of the order is given at receipt: an entry's place is its own timestamp, rank and digest.
//! - A ticket's status follows the truth through the steps of its life-cycle ([`crate::tickets::decide::follow`]). Where one
//!   lacks an attribution or an assignee, the status stays and the report is pending; a report gets round nothing.
//! - What a system holds is its latest report, or the correction that it has acknowledged since. It is told of every change
//!   of truth that differs, once, signed; each endpoint has a queue of its own, and one that fails delays nobody else.
//! - A ticket that no system speaks of costs nothing here: what was done to it is recalled from the log when one does.
//!
//! Events in: `Ticket*`. Events out: `SystemSaved`, `WebhookSecretRotated`, `SystemDisabled`, `UnknownWord`, `Correction*`, and of
//! tickets `TicketStatusReported`, `TicketReportPending`, `TicketReportSettled`, `TicketCorrectionAcknowledged`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;
#[cfg(test)]
mod tests;
