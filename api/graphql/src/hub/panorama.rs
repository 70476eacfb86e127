//! The panorama of a ticket (客户工单全景视图): what every system holds of it.

use async_graphql::{Context, ID, Object};
use domain::hub::queries::{ConflictView, Panorama, SourcedReport, SystemView};
use domain::kernel::{Error, UserId};

use super::super::error::OrTopLevel as _;
use super::super::people::user;
use super::super::scalars::{DateTime, TicketStatus};
use super::super::ticket::TicketNode;
use super::corrections::DeliveryNode;
use super::{PanoramaColour, ReportOutcome};
use domain::msg;

/// Default number of changes listed.
const CHANGES: i32 = 50;
/// Maximum number of entries of a history.
const HISTORY_MAX: i32 = 200;

pub struct PanoramaNode(pub Panorama);

/// What every system holds of one ticket (客户工单全景视图), with the history of reports, conflicts and corrections.
#[Object(name = "Panorama")]
impl PanoramaNode {
    /// The ticket.
    async fn ticket(&self) -> TicketNode {
        TicketNode(self.0.view.clone())
    }

    /// The authoritative status, computed from all reports and changes. `ticket.status` follows it unless something
    /// required is missing (`ticket.pendingReport`).
    async fn truth(&self) -> TicketStatus {
        self.0.truth.into()
    }

    /// How far the systems that have reported agree.
    async fn colour(&self) -> PanoramaColour {
        self.0.colour.into()
    }

    /// What each system that reported or is linked to the ticket holds, ordered by key. BUOY is one of them once a
    /// person's change in Buoy has set the authoritative status after the last report.
    async fn systems(&self) -> Vec<SystemViewNode<'_>> {
        self.0.systems.iter().map(SystemViewNode).collect()
    }

    /// Conflicts: different statuses reported by different systems within five minutes of each other.
    async fn conflicts(&self) -> Vec<ConflictNode<'_>> {
        self.0.conflicts.iter().map(ConflictNode).collect()
    }

    /// Reports of the systems, newest first by their own time; at most 200.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to return, 1 to 200.", default = 50)] first: i32,
    ) -> async_graphql::Result<Vec<StatusReportNode<'_>>> {
        Ok(self.0.history.iter().take(bounded(ctx, first)?).map(StatusReportNode).collect())
    }

    /// Status changes made in Buoy, newest first; at most 50.
    async fn changes(&self) -> Vec<StatusReportNode<'_>> {
        self.0.changes.iter().take(usize::try_from(CHANGES).unwrap_or_default()).map(StatusReportNode).collect()
    }

    /// Corrections sent to systems, newest first; at most 200.
    async fn corrections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to return, 1 to 200.", default = 50)] first: i32,
    ) -> async_graphql::Result<Vec<DeliveryNode>> {
        let node = |(system, correction): &(String, domain::hub::model::Correction)| DeliveryNode {
            system: system.clone(),
            correction: correction.clone(),
        };
        Ok(self.0.corrections.iter().take(bounded(ctx, first)?).map(node).collect())
    }
}

fn bounded(ctx: &Context<'_>, first: i32) -> async_graphql::Result<usize> {
    let wrong = || Error::bad_input(msg!("first-out-of-range", max = HISTORY_MAX));
    let count = usize::try_from(first).ok().filter(|_| (1..=HISTORY_MAX).contains(&first));
    count.ok_or_else(wrong).or_top_level(ctx)
}

struct SystemViewNode<'p>(&'p SystemView);

/// What one system holds of a ticket: its latest report, or the correction that it has acknowledged since.
#[Object(name = "SystemView")]
impl SystemViewNode<'_> {
    /// The key of the system.
    async fn system(&self) -> &str {
        &self.0.system
    }

    /// The ticket's id in the system; null if not known.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Its own status word; null if it has not reported.
    async fn word(&self) -> Option<&str> {
        self.0.source_status.as_deref()
    }

    /// The canonical status that the word maps to; null if the word is unknown.
    async fn status(&self) -> Option<TicketStatus> {
        self.0.status.map(Into::into)
    }

    /// The timestamp of its latest report, by its own clock; null if it has not reported.
    async fn reported_at(&self) -> Option<DateTime> {
        self.0.reported_at.map(Into::into)
    }

    /// Whether it holds the authoritative status.
    async fn agrees(&self) -> bool {
        self.0.agrees
    }

    /// Whether it has acknowledged its latest correction, or none was due.
    async fn acknowledged(&self) -> bool {
        self.0.acknowledged
    }

    /// The correction that it has not acknowledged yet; null if there is none.
    async fn correction(&self) -> Option<DeliveryNode> {
        let correction = self.0.correction.clone()?;
        Some(DeliveryNode { system: self.0.system.clone(), correction })
    }
}

struct ConflictNode<'p>(&'p ConflictView);

/// Different statuses for one ticket, reported by different systems within five minutes of each other.
#[Object(name = "Conflict")]
impl ConflictNode<'_> {
    /// Globally unique id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The time of the first report.
    async fn from(&self) -> DateTime {
        self.0.from.into()
    }

    /// The time of the last report.
    async fn to(&self) -> DateTime {
        self.0.to.into()
    }

    /// The reports in their total order.
    async fn reports(&self) -> Vec<StatusReportNode<'_>> {
        self.0.reports.iter().map(StatusReportNode).collect()
    }

    /// The report that won: the last in the total order.
    async fn winner(&self) -> async_graphql::Result<StatusReportNode<'_>> {
        self.0.reports.last().map(StatusReportNode).ok_or_else(|| async_graphql::Error::new("a conflict of nothing"))
    }
}

struct StatusReportNode<'p>(&'p SourcedReport);

/// A status report of a system, or a status change in Buoy.
#[Object(name = "StatusReport")]
impl StatusReportNode<'_> {
    /// Globally unique id.
    async fn id(&self) -> ID {
        self.0.report.id.to_string().into()
    }

    /// Key of the system; BUOY for a change made in Buoy.
    async fn system(&self) -> &str {
        &self.0.system
    }

    /// The system's own status word.
    async fn word(&self) -> &str {
        &self.0.report.source_status
    }

    /// The canonical status it maps to; null if the word is unknown.
    async fn status(&self) -> Option<TicketStatus> {
        self.0.report.status.map(Into::into)
    }

    /// When it happened, by the system's own clock.
    async fn timestamp(&self) -> DateTime {
        self.0.report.at.into()
    }

    /// When Buoy received it.
    async fn received_at(&self) -> DateTime {
        self.0.report.received_at.into()
    }

    /// Who did it, as named by the system.
    async fn operator(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let operator = &self.0.report.operator;
        match operator.parse::<UserId>() {
            // For a change made in Buoy, the operator is stored as the user's id.
            Ok(id) if self.0.report.system.is_none() => {
                Ok(user(ctx, Some(id)).await?.map(|user| user.0.name.clone()).unwrap_or_default())
            }
            _ => Ok(operator.clone()),
        }
    }

    /// The outcome of the report when it arrived.
    async fn outcome(&self) -> ReportOutcome {
        self.0.report.outcome.into()
    }

    /// The system's own id of the event; null if it gave none.
    async fn event_id(&self) -> Option<&str> {
        self.0.report.event_id.as_deref()
    }
}
