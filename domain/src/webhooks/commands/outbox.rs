//! What a capability that sends webhooks implements.

use std::time::Duration;

use futures::future::BoxFuture;
use uuid::Uuid;

use super::super::model::{Endpoint, OutgoingMessage, QueueState, QueuedMessage, SealedSecret};
use crate::kernel::{Refusal, Result, Timestamp};
use crate::runtime::{App, Tx};

/// An endpoint with its secrets and the queue of its messages, in the rows of a customer. What is stored is decided by
/// [`super::super::decide`]; an implementation only reads, saves, and records its own events. The methods are written as
/// `#[boxed] async fn`.
pub trait Outbox: Sized + Send + Sync + 'static {
    /// A stored message.
    type Message: QueuedMessage;

    /// The queue of the job that runs an endpoint's queue, and its kind. Its subject is the endpoint's id.
    const QUEUE: &'static str;
    const JOB: &'static str;

    fn load<'f>(tx: &'f Tx, id: Uuid) -> BoxFuture<'f, Result<Option<Self>>>;

    fn id(&self) -> Uuid;

    fn endpoint(&self) -> &Endpoint;

    fn save_endpoint<'f>(&'f mut self, tx: &'f Tx, endpoint: Endpoint) -> BoxFuture<'f, Result<()>>;

    /// An endpoint that has failed for so long is disabled.
    fn disable_after(app: &App) -> Duration;

    fn secrets<'f>(&'f self, tx: &'f Tx) -> BoxFuture<'f, Result<Vec<SealedSecret>>>;

    fn insert_secret<'f>(&'f self, tx: &'f Tx, sealed: Vec<u8>) -> BoxFuture<'f, Result<()>>;

    /// Expires the secrets at this time, unless they expire earlier.
    fn end_secrets<'f>(&'f self, tx: &'f Tx, at: Timestamp) -> BoxFuture<'f, Result<()>>;

    /// Counts an attempt for at most `max` messages that are due now, and returns them, oldest first.
    fn claim_due<'f>(&'f self, tx: &'f Tx, max: u64) -> BoxFuture<'f, Result<Vec<OutgoingMessage>>>;

    /// Takes back the attempts counted for messages that were not sent.
    fn revert_attempts<'f>(&'f self, tx: &'f Tx, unsent: Vec<Uuid>) -> BoxFuture<'f, Result<()>>;

    /// When the next message is due.
    fn first_due_at<'f>(&'f self, tx: &'f Tx) -> BoxFuture<'f, Result<Option<Timestamp>>>;

    /// Those of these messages that are still due.
    fn still_due<'f>(&'f self, tx: &'f Tx, ids: Vec<Uuid>) -> BoxFuture<'f, Result<Vec<Self::Message>>>;

    /// Dead letters, oldest first.
    fn dead_letters<'f>(&'f self, tx: &'f Tx, max: u64) -> BoxFuture<'f, Result<Vec<Self::Message>>>;

    /// Saves those of the messages that are still in the state `from`: others may be changed concurrently.
    fn save<'f>(&'f self, tx: &'f Tx, messages: Vec<Self::Message>, from: QueueState) -> BoxFuture<'f, Result<()>>;

    /// Turns everything that is due into dead letters, and returns them.
    fn dead_letter_all<'f>(&'f self, tx: &'f Tx) -> BoxFuture<'f, Result<Vec<Self::Message>>>;

    /// The endpoint accepted these messages: they leave the queue.
    fn on_accepted<'f>(&'f self, tx: &'f mut Tx, ids: Vec<Uuid>) -> BoxFuture<'f, Result<()>>;

    /// These messages became dead letters.
    fn on_dead<'f>(&'f self, tx: &'f mut Tx, messages: Vec<Self::Message>) -> BoxFuture<'f, Result<()>>;

    /// These dead letters are due again.
    fn on_replayed<'f>(&'f self, tx: &'f mut Tx, messages: &'f [Self::Message]) -> BoxFuture<'f, Result<()>>;

    /// The endpoint was disabled.
    fn on_disabled<'f>(&'f self, tx: &'f mut Tx) -> BoxFuture<'f, Result<()>>;

    /// The refusal of a replay to an endpoint that is not called.
    fn inactive(&self) -> Refusal;
}
