//! Encodes tickets as vectors behind the log, never in the path of a write; vectors are stored in the database and put into
//! this node's index.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use embedding::{Engine, Model, Text};
use search::Vector;
use tokio_util::sync::CancellationToken;

use crate::kernel::{Error, Result, TicketId, boxed};
use crate::recommend::model::{EmbeddingService, digest};
use crate::recommend::store::{self, ticket_vector};
use crate::runtime::feed::{self, Next};
use crate::runtime::log::History;
use crate::runtime::{App, Ctx, Cursor, log};
use crate::tickets::queries::{Texts, texts, texts_after, tickets_with_changed_text};

/// Tickets encoded at once; an interactive query waits for one batch at most.
const BATCH_MAX: usize = 16;
/// Rows read at once.
const READ_MAX: u64 = 1_000;
/// Log rows after which the cursor is saved even if nothing was encoded.
const UNSAVED_ROWS_MAX: usize = 5_000;

/// Loads the encoder and encodes behind the log until stopped. Without a model it returns; search then uses
/// words only.
#[boxed]
pub async fn run_encoder(app: Arc<App>, stop: CancellationToken) {
    let Some(model_dir) = app.state::<EmbeddingService>().model_dir.clone() else { return };
    let loaded = tokio::task::spawn_blocking(move || load(&model_dir)).await.map_err(Error::internal);
    let engine = match loaded.and_then(|loaded| loaded) {
        Ok(engine) => engine,
        Err(error) => {
            tracing::error!(%error, "the text encoder cannot be loaded, similar cases use words only; run `buoy doctor`");
            return;
        }
    };
    app.state::<EmbeddingService>().set_engine(engine.clone());
    feed::keep_following("the text encoder", &stop, || follow(&app, &engine)).await;
}

fn load(model_dir: &Path) -> Result<Engine> {
    let model = Model::open(model_dir).map_err(Error::internal)?;
    Engine::start(model).map_err(Error::internal)
}

async fn follow(app: &Arc<App>, engine: &Engine) -> Result<()> {
    let model = engine.digest();
    // Taken before the first row is read, so that changes meanwhile are followed afterwards.
    let head = log::head(app.db.read(), app.db.engine).await?;
    let mut after = None;
    loop {
        let rows = store::vectors_after(app.db.read(), model, after, READ_MAX).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.ticket_id);
        put_into_index(app, rows).await?;
    }
    let known = store::position(app.db.read(), model).await?;
    let known = known.and_then(|text| Cursor::decode(&text, &app.log_epoch).ok().flatten());
    let position = match known {
        Some(position) => position,
        None => {
            let mut after = None;
            loop {
                let tickets = texts_after(app.db.read(), after, READ_MAX).await?;
                let Some(last) = tickets.last() else { break };
                after = Some(last.id);
                encode_missing(app, engine, tickets, None).await?;
            }
            save(app, model, Vec::new(), Some(head)).await?;
            head
        }
    };
    let progress = app.state::<EmbeddingService>();
    let mut follower = app.feed.follow(app, position, History::Included);
    let mut unsaved = 0;
    progress.at.send_replace(position);
    loop {
        match follower.next().await? {
            Next::Rows(rows) => {
                unsaved += rows.len();
                let tickets = texts(app.db.read(), &tickets_with_changed_text(&rows)).await?;
                if encode_missing(app, engine, tickets, Some(follower.position())).await? > 0 {
                    unsaved = 0;
                } else if unsaved >= UNSAVED_ROWS_MAX {
                    save(app, model, Vec::new(), Some(follower.position())).await?;
                    unsaved = 0;
                }
                progress.at.send_replace(follower.position());
            }
            Next::Lagged => {}
            Next::Ended => return Ok(()),
        }
    }
}

/// Encodes tickets without a vector of their current text; returns how many. `position` is saved with the last
/// batch.
async fn encode_missing(
    app: &Arc<App>,
    engine: &Engine,
    tickets: Vec<Texts>,
    position: Option<Cursor>,
) -> Result<usize> {
    if tickets.is_empty() {
        return Ok(0);
    }
    let model = engine.digest();
    let ids: Vec<TicketId> = tickets.iter().map(|ticket| ticket.id).collect();
    let rows = store::vectors(app.db.read(), model, &ids).await?;
    let known: HashMap<TicketId, Vec<u8>> = rows.iter().map(|row| (row.ticket_id, row.text_digest.clone())).collect();
    let missing: Vec<(Texts, Vec<u8>)> = tickets
        .into_iter()
        .map(|ticket| {
            let digest = digest(&ticket.title, &ticket.description);
            (ticket, digest)
        })
        .filter(|(ticket, digest)| known.get(&ticket.id) != Some(digest))
        .collect();
    // Encoded by another node, or by this one before a crash.
    put_into_index(app, rows).await?;
    let mut chunks = missing.chunks(BATCH_MAX).peekable();
    while let Some(chunk) = chunks.next() {
        let began = Instant::now();
        let texts = chunk
            .iter()
            .map(|(ticket, _)| Text { title: ticket.title.clone(), body: ticket.description.clone() })
            .collect();
        let vectors = engine.encode_queued(texts).await.map_err(Error::internal)?;
        let rows: Vec<ticket_vector::Model> = chunk
            .iter()
            .zip(vectors)
            .filter_map(|((ticket, digest), numbers)| {
                Some(ticket_vector::Model {
                    ticket_id: ticket.id,
                    model: model.to_owned(),
                    text_digest: digest.clone(),
                    vector: Vector::of(&numbers)?.to_bytes(),
                })
            })
            .collect();
        let last_position = position.filter(|_| chunks.peek().is_none());
        save(app, model, rows.clone(), last_position).await?;
        put_into_index(app, rows).await?;
        feed::throttle(began).await;
    }
    Ok(missing.len())
}

async fn save(app: &Arc<App>, model: &str, rows: Vec<ticket_vector::Model>, position: Option<Cursor>) -> Result<()> {
    let tx = Ctx::system(app).begin().await?;
    let written = async {
        store::put(tx.conn(), rows).await?;
        match position {
            Some(position) => store::set_position(tx.conn(), model, position.encode(&app.log_epoch)).await,
            None => Ok(()),
        }
    };
    match written.await {
        Ok(()) => tx.commit().await,
        Err(error) => {
            tx.rollback(&error).await;
            Err(error)
        }
    }
}

/// Puts vectors into this node's index.
async fn put_into_index(app: &Arc<App>, rows: Vec<ticket_vector::Model>) -> Result<()> {
    let index = app.index.clone();
    let vectors = rows.into_iter().filter_map(|row| Some((row.ticket_id.0, Vector::from_bytes(&row.vector)?)));
    let vectors: Vec<_> = vectors.collect();
    if vectors.is_empty() {
        return Ok(());
    }
    tokio::task::spawn_blocking(move || index.put_vectors(vectors)).await.map_err(Error::internal)
}
