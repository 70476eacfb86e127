//! The SLA clocks of a ticket.

use async_graphql::{Context, Object, SimpleObject};
use domain::sla;
use domain::sla::decide::read;
use domain::sla::model::{ClockWithCalendar, TimelineEntry};

use super::super::enums::{SlaMetric, SlaState, SlaTimelineKind};
use super::super::error::OrTopLevel as _;
use super::super::guard::cx;
use super::super::scalars::{DateTime, int};

/// An SLA clock of a ticket.
pub struct SlaClockNode(pub ClockWithCalendar);

/// An SLA clock of a ticket: the time until its first response or its resolution, against a target.
#[Object(name = "SlaClock")]
impl SlaClockNode {
    /// What it measures.
    async fn metric(&self) -> SlaMetric {
        self.0.clock.metric.into()
    }

    /// The state of the clock now.
    async fn state(&self, ctx: &Context<'_>) -> SlaState {
        self.read(ctx).state.into()
    }

    /// When the clock started.
    async fn started_at(&self) -> DateTime {
        self.0.clock.started_at.into()
    }

    /// When the target is due if the clock keeps running; for a clock that has ended, when it was due. Null while it is
    /// paused.
    async fn due_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.read(ctx).due_at.map(Into::into)
    }

    /// The time that has counted so far, in seconds of calendar time.
    async fn elapsed_seconds(&self, ctx: &Context<'_>) -> i32 {
        int(self.read(ctx).elapsed.as_secs())
    }

    /// The time left, in seconds of calendar time; null once the clock has ended.
    async fn remaining_seconds(&self, ctx: &Context<'_>) -> Option<i32> {
        self.read(ctx).remaining.map(|left| int(left.as_secs()))
    }

    /// The target, in seconds of calendar time.
    async fn target_seconds(&self) -> i32 {
        int(self.0.clock.pinned.target.as_secs())
    }

    /// When the target was missed; null if it was not.
    async fn breached_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.read(ctx).breached_at.map(Into::into)
    }

    /// Key of the policy it follows.
    async fn policy(&self) -> &str {
        &self.0.clock.pinned.policy.key
    }

    /// The version of the policy that the clock started with.
    async fn policy_version(&self) -> i32 {
        self.0.clock.pinned.policy.version
    }

    /// Key of the calendar on which it runs.
    async fn calendar(&self) -> &str {
        &self.0.clock.pinned.calendar.key
    }

    /// The version of the calendar that the clock started with.
    async fn calendar_version(&self) -> i32 {
        self.0.clock.pinned.calendar.version
    }

    /// The history of the clock: what happened, and why it fired or did not.
    #[graphql(complexity = "20 + 10 * child_complexity")]
    async fn timeline(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SlaTimelineEntry>> {
        let cx = cx(ctx);
        let entries = sla::queries::timeline(cx, &self.0).await.or_top_level(ctx)?;
        Ok(entries.into_iter().map(SlaTimelineEntry::of).collect())
    }
}

impl SlaClockNode {
    fn read(&self, ctx: &Context<'_>) -> domain::sla::model::ClockReading {
        read(&self.0.clock, cx(ctx).now(), &self.0.calendar)
    }
}

/// An entry in the history of an SLA clock.
#[derive(SimpleObject)]
pub struct SlaTimelineEntry {
    /// When it happened.
    at: DateTime,
    /// What happened.
    kind: SlaTimelineKind,
    /// The time that had counted by then, in seconds of calendar time.
    elapsed_seconds: i32,
    /// The due time from then on; null while the clock was paused.
    due_at: Option<DateTime>,
}

impl SlaTimelineEntry {
    fn of(entry: TimelineEntry) -> Self {
        let TimelineEntry { at, kind, elapsed, due_at } = entry;
        Self {
            at: at.into(),
            kind: kind.into(),
            elapsed_seconds: int(elapsed.as_secs()),
            due_at: due_at.map(Into::into),
        }
    }
}
