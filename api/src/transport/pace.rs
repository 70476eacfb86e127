//! Time-outs of the protocols. They measure the wire and decide nothing of a ticket: real time, not the clock.
#![expect(clippy::disallowed_methods, reason = "time-outs of the wire; no decision hangs on them")]

use std::future::Future;
use std::time::Duration;

/// The outcome, or `None` where it took longer.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
