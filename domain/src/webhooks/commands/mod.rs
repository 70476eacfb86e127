//! Runs the queues of endpoints, replays dead letters, and creates secrets, for each [`Outbox`].

mod outbox;
mod run;
mod secrets;

use std::sync::Arc;

pub use self::outbox::Outbox;
pub use self::run::{queued_job, replay, replay_all, schedule_lost_runs, schedule_runs};
pub use self::secrets::{create_secret, rotate_secret};
use super::decide;
use crate::kernel::Refusal;
use crate::runtime::Tx;
use crate::runtime::ports::HttpClient;

/// The URL of an endpoint as given in this field, if this process may call it.
pub fn valid_url(tx: &Tx, field: &str, url: &str) -> Result<String, Refusal> {
    let http = tx.app().state::<Arc<dyn HttpClient>>();
    decide::valid_url(|url| http.check_url(url), field, url)
}
