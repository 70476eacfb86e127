//! 客户工单全景视图.

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::hub::queries::{ConflictView, Kept, Panorama, SystemView};
use domain::kernel::{Error, UserId};

use super::super::error::OrTopLevel as _;
use super::super::nodes::user;
use super::super::scalars::{DateTime, TicketStatus};
use super::super::ticket::TicketNode;
use super::corrections::DeliveryNode;
use super::{PanoramaColour, ReportOutcome};

/// Entries of a history where no number is given, and the most.
const HISTORY: i32 = 50;
const HISTORY_MAX: i32 = 200;

pub struct PanoramaNode(pub Panorama);

/// What every system holds of one ticket.
#[Object(name = "Panorama")]
impl PanoramaNode {
    /// The ticket.
    async fn ticket(&self) -> TicketNode {
        TicketNode(self.0.view.clone())
    }

    /// Where the ticket stands by all that was said of it. `ticket.status` follows, where nothing is missing.
    async fn truth(&self) -> TicketStatus {
        self.0.truth.into()
    }

    /// How far the systems that have reported agree.
    async fn colour(&self) -> PanoramaColour {
        self.0.colour.into()
    }

    /// What each system that reported it or is linked to it holds, by their keys; Buoy among them (BUOY) once a person's act here
    /// has set the truth after the last report.
    async fn systems(&self) -> Vec<SystemViewNode<'_>> {
        self.0.systems.iter().map(SystemViewNode).collect()
    }

    /// Different systems, different statuses, within five minutes.
    async fn conflicts(&self) -> Vec<ConflictNode<'_>> {
        self.0.conflicts.iter().map(ConflictNode).collect()
    }

    /// What systems reported, newest first by their own time; at most 200.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many.", default = 50)] first: i32,
    ) -> async_graphql::Result<Vec<StatusReportNode<'_>>> {
        Ok(self.0.history.iter().take(bounded(ctx, first)?).map(StatusReportNode).collect())
    }

    /// What was done here to the ticket, newest first; at most 50.
    async fn changes(&self) -> Vec<StatusReportNode<'_>> {
        self.0.changes.iter().take(usize::try_from(HISTORY).unwrap_or_default()).map(StatusReportNode).collect()
    }

    /// What systems were told, newest first; at most 200.
    async fn corrections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many.", default = 50)] first: i32,
    ) -> async_graphql::Result<Vec<DeliveryNode>> {
        let node = |(system, correction): &(String, domain::hub::model::Correction)| DeliveryNode {
            system: system.clone(),
            correction: correction.clone(),
        };
        Ok(self.0.corrections.iter().take(bounded(ctx, first)?).map(node).collect())
    }
}

fn bounded(ctx: &Context<'_>, first: i32) -> async_graphql::Result<usize> {
    let wrong = || {
        Error::bad_input(
            format!("first must be between 1 and {HISTORY_MAX}."),
            format!("first 必须在 1 到 {HISTORY_MAX} 之间。"),
        )
    };
    let count = usize::try_from(first).ok().filter(|_| (1..=HISTORY_MAX).contains(&first));
    count.ok_or_else(wrong).or_top_level(ctx)
}

struct SystemViewNode<'p>(&'p SystemView);

/// What a system holds: its latest report, or the correction that it has acknowledged since.
#[Object(name = "SystemView")]
impl SystemViewNode<'_> {
    /// The key of the system.
    async fn system(&self) -> &str {
        &self.0.system
    }

    /// What it calls the ticket.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Its own word; null where it has said nothing.
    async fn word(&self) -> Option<&str> {
        self.0.word.as_deref()
    }

    /// What the word stands for; null where nobody knows.
    async fn status(&self) -> Option<TicketStatus> {
        self.0.status.map(Into::into)
    }

    /// The time of its latest report, by its own clock.
    async fn reported_at(&self) -> Option<DateTime> {
        self.0.reported_at.map(Into::into)
    }

    /// Whether it holds where the ticket stands.
    async fn agrees(&self) -> bool {
        self.0.agrees
    }

    /// Whether it has taken its latest correction, or none was due.
    async fn acknowledged(&self) -> bool {
        self.0.acknowledged
    }

    /// The correction that it has not taken yet.
    async fn correction(&self) -> Option<DeliveryNode> {
        let correction = self.0.correction.clone()?;
        Some(DeliveryNode { system: self.0.system.clone(), correction })
    }
}

struct ConflictNode<'p>(&'p ConflictView);

/// Different systems, different statuses, within five minutes of each other.
#[Object(name = "Conflict")]
impl ConflictNode<'_> {
    /// Unique among all things.
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

    /// The reports, in the order in which they count.
    async fn reports(&self) -> Vec<StatusReportNode<'_>> {
        self.0.reports.iter().map(StatusReportNode).collect()
    }

    /// The one that counts last.
    async fn winner(&self) -> async_graphql::Result<StatusReportNode<'_>> {
        self.0.reports.last().map(StatusReportNode).ok_or_else(|| async_graphql::Error::new("a conflict of nothing"))
    }
}

struct StatusReportNode<'p>(&'p Kept);

/// What was said of a ticket.
#[Object(name = "StatusReport")]
impl StatusReportNode<'_> {
    /// Unique among all things.
    async fn id(&self) -> ID {
        self.0.report.id.to_string().into()
    }

    /// The key of the system; BUOY for what was done here.
    async fn system(&self) -> &str {
        &self.0.system
    }

    /// The system's own word.
    async fn word(&self) -> &str {
        &self.0.report.word
    }

    /// What its map makes of the word; null where it does not know it.
    async fn status(&self) -> Option<TicketStatus> {
        self.0.report.status.map(Into::into)
    }

    /// When it happened, by the system's own clock.
    async fn timestamp(&self) -> DateTime {
        self.0.report.at.into()
    }

    /// When Buoy heard of it.
    async fn received_at(&self) -> DateTime {
        self.0.report.received_at.into()
    }

    /// Who did it, as the system says.
    async fn operator(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let said = &self.0.report.operator;
        match said.parse::<UserId>() {
            // Of what was done here a person's id is kept.
            Ok(id) if self.0.report.system.is_none() => {
                Ok(user(ctx, Some(id)).await?.map(|user| user.0.name.clone()).unwrap_or_default())
            }
            _ => Ok(said.clone()),
        }
    }

    /// What it came to when it arrived.
    async fn outcome(&self) -> ReportOutcome {
        self.0.report.outcome.into()
    }

    /// The system's own id of the event.
    async fn event_id(&self) -> Option<&str> {
        self.0.report.event_id.as_deref()
    }
}

/// A step that a system reported, and that waits for what the life-cycle demands.
#[derive(SimpleObject)]
pub struct PendingReport {
    /// The reported status.
    pub status: TicketStatus,
    /// The key of the system; BUOY where it was done here.
    pub system: String,
    /// When it happened, by the system's own clock.
    pub since: DateTime,
    /// What it waits for.
    pub needs: super::PendingNeeds,
}

impl PendingReport {
    pub fn of(pending: domain::tickets::model::PendingReport) -> Self {
        let domain::tickets::model::PendingReport { status, system, since, needs } = pending;
        Self { status: status.into(), system, since: since.into(), needs: needs.into() }
    }
}
