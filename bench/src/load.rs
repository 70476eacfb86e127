//! Closed-loop load: a fixed number of workers, each with one request at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::Connection;

/// Throughput and latency of a run.
pub struct LoadResult {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
}

impl LoadResult {
    pub fn of(mut took: Vec<Duration>, over: Duration) -> Self {
        took.sort_unstable();
        Self {
            per_second: took.len() as f64 / over.as_secs_f64(),
            p50: took.get(took.len() / 2).copied().unwrap_or_default(),
            p99: took.get(took.len() * 99 / 100).copied().unwrap_or_default(),
        }
    }
}

/// HTTP load: `request(n)` builds the n-th request. A response with errors aborts the run.
pub async fn over_http(
    address: &str,
    workers: usize,
    duration: Duration,
    request: impl Fn(u64) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> LoadResult {
    let request = Arc::new(request);
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut running = Vec::new();
    for _ in 0..workers {
        let (address, request, next) = (address.to_owned(), request.clone(), next.clone());
        running.push(tokio::spawn(async move {
            let mut connection = Connection::open(&address).await.expect("the server listens");
            let mut took = Vec::new();
            while started.elapsed() < duration {
                let Some(request) = request(next.fetch_add(1, Ordering::Relaxed)) else { break };
                let sent_at = Instant::now();
                let answer = connection.ask(&request).await.expect("the server answers");
                took.push(sent_at.elapsed());
                let failed = ["\"errors\":[", "\"userErrors\":[{"];
                let text = String::from_utf8_lossy(answer);
                assert!(!failed.iter().any(|word| text.contains(word)), "{text}");
            }
            took
        }));
    }
    let mut took = Vec::new();
    for worker in running {
        took.extend(worker.await.expect("no worker panics"));
    }
    LoadResult::of(took, started.elapsed())
}
