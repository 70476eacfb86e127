//! Reports (tier 9): the monthly health report, L3 escape by product, the solution of the week, and knowledge gaps.
//!
//! - A ticket belongs to the month, quarter or week of its first resolution; merged and cancelled ones do not count, and
//!   unattributed ones are shown apart.
//! - Every figure counts [`decide::outcome`] of each ticket, and so does its drill-down.
//! - Only tickets that the viewer may see count.
//! - Solution reuse is as of the end of the period: a solution is a published card, or a cited case that belongs to no card.
//! - A ticket counts in a figure once its window is over; before that it is pending, and the figure is provisional.
//! - Where first-time resolution stays under 80 % for three weeks, there is a knowledge gap: once a week cards are extracted for it, and the
//!   topics without one are listed ([`queries::gaps`]).
//! - The report of a month is generated with all tickets an hour into the next month, and stored for administrators. It is provisional
//!   until its windows are over; then it is generated again and replaced. On demand everybody gets it with the tickets they may see. A redaction clears stored files that may contain the redacted data in its own
//!   transaction; they are generated again with the figures of that day.
//!
//! Events in: TicketRedacted, UserRedacted. Events out: none.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;
#[cfg(test)]
mod tests;

use crate::runtime::module::{Queue, QueuedJob};
use crate::runtime::{Module, jobs};

pub const MODULE: Module = Module {
    on_event: Some(react::on_event),
    queues: &[Queue { name: model::QUEUE, concurrency: 4 }],
    queued: &[
        QueuedJob {
            kind: model::GAPS_JOB,
            begin_send: commands::begin_gap_search,
            complete_send: commands::complete_gap_search,
        },
        QueuedJob { kind: model::MONTHLY_JOB, begin_send: commands::on_monthly, complete_send: jobs::nothing_was_sent },
        QueuedJob {
            kind: model::MAKE_JOB,
            begin_send: commands::begin_report,
            complete_send: commands::complete_report,
        },
    ],
    start: Some(react::start),
    ..Module::new("reports")
};
