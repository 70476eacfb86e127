//! One encoder thread behind a bounded queue.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use crate::{Model, Text};

/// Pending requests, at most.
const QUEUE_MAX: usize = 16;

/// The queue is full, or the thread has ended: continue without an embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encoder has enough to do")]
pub struct Busy;

struct Request {
    texts: Vec<Text>,
    answer: oneshot::Sender<Vec<Vec<f32>>>,
}

/// Encodes requests one after the other. Cheap to clone; the thread ends with the last clone.
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
        thread::Builder::new().name("embedding".to_owned()).spawn(move || {
            for Request { texts, answer } in requests {
                // The request was abandoned: skip it.
                if answer.is_closed() {
                    continue;
                }
                let _ = answer.send(model.encode(&texts));
            }
        })?;
        Ok(engine)
    }

    /// Identifies the model: vectors of different models are not comparable.
    pub fn digest(&self) -> &str {
        self.model.digest()
    }

    /// Encodes an interactive request (see [`Model::encode`]); fails at once if the queue is full.
    pub async fn encode(&self, texts: Vec<Text>) -> Result<Vec<Vec<f32>>, Busy> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Request { texts, answer }).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }

    /// Encodes a background request; waits for room in the queue.
    pub async fn encode_queued(&self, texts: Vec<Text>) -> Result<Vec<Vec<f32>>, Busy> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.clone();
        let put = move || queue.send(Request { texts, answer }).map_err(|_| Busy);
        tokio::task::spawn_blocking(put).await.map_err(|_| Busy)??;
        answered.await.map_err(|_| Busy)
    }
}
