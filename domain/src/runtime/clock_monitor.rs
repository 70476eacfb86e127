//! Detects that the machine's clock was set, by comparing it with monotonic time. The jump is recorded as an event and the
//! workers are woken. Nothing else depends on it: jobs are due by the current clock and fire once.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ports::WakeupTopic;
use super::{App, Ctx, LogEvent};
use crate::kernel::{Clock, Result, Timestamp, boxed, seconds};

/// Smaller corrections, as by a time service, are ignored.
const JUMP_MIN: Duration = seconds(60);
const CHECK_EVERY: Duration = seconds(10);

/// The clock of a machine jumped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJumped {
    pub seconds: i64,
}

impl LogEvent for ClockJumped {
    const TAG: &'static str = "ClockJumped";

    fn kind(&self) -> &'static str {
        "ClockJumped"
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("clock", Uuid::nil())
    }
}

/// The clock and the monotonic time at one moment.
struct Reading {
    now: Timestamp,
    monotonic: Duration,
}

impl Reading {
    fn of(clock: &dyn Clock) -> Self {
        Self { now: clock.now(), monotonic: clock.monotonic() }
    }

    /// By how many seconds the clock was set since `before`; `None` if time only passed.
    fn jump_since(&self, before: &Self) -> Option<i64> {
        let passed = self.monotonic.saturating_sub(before.monotonic);
        let jump = (self.now.millis() - (before.now + passed).millis()) / 1_000;
        (jump.unsigned_abs() > JUMP_MIN.as_secs()).then_some(jump)
    }
}

/// Runs until stopped.
#[boxed]
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut before = Reading::of(&*app.clock);
    loop {
        tokio::select! {
            () = app.clock.sleep_until_monotonic(before.monotonic + CHECK_EVERY) => {}
            () = stop.cancelled() => return,
        }
        let mut now = Reading::of(&*app.clock);
        if let Some(seconds) = now.jump_since(&before) {
            tracing::warn!(seconds, "the machine's clock was set; check its time service");
            app.wakeups.wake(WakeupTopic::Jobs);
            if let Err(error) = record_jump(&app, seconds).await {
                tracing::error!(%error, "cannot record that the clock was set; trying again");
                // Keep the old baseline, so that the next check sees the jump again.
                now.now = before.now + now.monotonic.saturating_sub(before.monotonic);
            }
        }
        before = now;
    }
}

async fn record_jump(app: &Arc<App>, seconds: i64) -> Result<()> {
    let mut tx = Ctx::system(app).begin().await?;
    tx.record(ClockJumped { seconds }).await?;
    tx.commit().await
}
