//! Time-outs of the network protocols. They use real time, not the clock, and no decision about a ticket depends on
//! them.
#![expect(clippy::disallowed_methods, reason = "time-outs of the wire; no decision depends on them")]

use std::future::Future;
use std::time::Duration;

/// The result, or `None` after the time limit.
pub async fn with_timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}
