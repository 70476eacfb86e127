//! One thread that encodes, behind a queue with an end.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use crate::{Model, Text};

/// Requests that wait.
const QUEUE_MAX: usize = 16;

/// The thread has enough to do, or is gone: go on without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encoder has enough to do")]
pub struct Busy;

struct Request {
    texts: Vec<Text>,
    answer: oneshot::Sender<Vec<Vec<f32>>>,
}

/// Encodes one request after the other. Cheap to clone; the thread ends with the last of them.
#[derive(Clone)]
pub struct Engine {
    queue: SyncSender<Request>,
    model: Arc<Model>,
}

impl Engine {
    /// Starts the thread.
    pub fn start(model: Model) -> std::io::Result<Self> {
        let (queue, requests) = sync_channel::<Request>(QUEUE_MAX);
        let model = Arc::new(model);
        let engine = Self { queue, model: model.clone() };
        thread::Builder::new().name("meaning".to_owned()).spawn(move || {
            for Request { texts, answer } in requests {
                // Nobody waits any more: a request that was given up costs nothing.
                if answer.is_closed() {
                    continue;
                }
                let _ = answer.send(model.encode(&texts));
            }
        })?;
        Ok(engine)
    }

    /// Of the model: vectors of different digests are not to be compared.
    pub fn digest(&self) -> &str {
        self.model.digest()
    }

    /// See [`Model::encode`]; for somebody who waits, so not at all where others have come before.
    pub async fn encode(&self, texts: Vec<Text>) -> Result<Vec<Vec<f32>>, Busy> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Request { texts, answer }).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }

    /// The same for whoever has time.
    pub async fn encode_in_turn(&self, texts: Vec<Text>) -> Result<Vec<Vec<f32>>, Busy> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.clone();
        let put = move || queue.send(Request { texts, answer }).map_err(|_| Busy);
        tokio::task::spawn_blocking(put).await.map_err(|_| Busy)??;
        answered.await.map_err(|_| Busy)
    }
}
