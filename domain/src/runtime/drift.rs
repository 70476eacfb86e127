//! Somebody sets the machine's clock, or its time service does: noticed against time that nobody can set, recorded, and
//! whoever sleeps by the clock looks again. Nothing else hangs on it: what is due is due by the clock as it stands, and
//! fires once however often it becomes due.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{App, Ctx};
use crate::event::Event;
use crate::kernel::{Clock, Result, Timestamp, seconds};

/// A time service that corrects the clock by less than this at once does no harm.
const JUMP: Duration = seconds(60);
const LOOK_EVERY: Duration = seconds(10);

/// Where clock and steady time stood at the last look.
struct Look {
    now: Timestamp,
    steady: Duration,
}

impl Look {
    fn at(clock: &dyn Clock) -> Self {
        Self { now: clock.now(), steady: clock.steady() }
    }

    /// By how many seconds the clock has been set since the look before; `None` where time has only passed.
    fn jump_since(&self, before: &Self) -> Option<i64> {
        let passed = self.steady.saturating_sub(before.steady);
        let jump = (self.now.millis() - (before.now + passed).millis()) / 1_000;
        (jump.unsigned_abs() > JUMP.as_secs()).then_some(jump)
    }
}

/// Watches until stopped.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut before = Look::at(&*app.clock);
    loop {
        tokio::select! {
            () = app.clock.sleep_until_steady(before.steady + LOOK_EVERY) => {}
            () = stop.cancelled() => return,
        }
        let mut now = Look::at(&*app.clock);
        if let Some(seconds) = now.jump_since(&before) {
            tracing::warn!(seconds, "the machine's clock was set; check its time service");
            app.jobs_bell.notify_waiters();
            if let Err(error) = tell(&app, seconds).await {
                tracing::error!(%error, "that the clock was set could not be recorded; trying again");
                // Seen again at the next look.
                now.now = before.now + now.steady.saturating_sub(before.steady);
            }
        }
        before = now;
    }
}

async fn tell(app: &Arc<App>, seconds: i64) -> Result<()> {
    let mut tx = Ctx::system(app).begin().await?;
    tx.record(Event::ClockJumped { seconds }).await?;
    tx.commit().await
}
