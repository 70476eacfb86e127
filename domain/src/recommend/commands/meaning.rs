//! What tickets mean: encoded behind the log, never in the path of a write; kept in the database, given to this node's
//! index.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use meaning::{Engine, Model, Text};
use search::Vector;
use tokio_util::sync::CancellationToken;

use crate::kernel::{Error, Result, TicketId};
use crate::recommend::model::{Meaning, digest};
use crate::recommend::store::{self, ticket_vector};
use crate::runtime::feed::{self, History, Next};
use crate::runtime::{App, Ctx, Cursor, log};
use crate::tickets::queries::{Texts, reworded, texts, texts_after};

/// Tickets encoded at once; whoever asks meanwhile waits for these at most.
const ENCODED_MAX: usize = 16;
/// Rows read at once.
const READ_MAX: u64 = 1_000;
/// Rows of the log after which the place is written down though nothing was encoded.
const UNWRITTEN_MAX: usize = 5_000;

/// Loads the encoder of a folder and encodes behind the log, until stopped. Without one nothing happens: cases are then
/// found by their words alone.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let Some(folder) = app.state::<Meaning>().folder.clone() else { return };
    let opened = tokio::task::spawn_blocking(move || load(&folder)).await.map_err(Error::internal);
    let engine = match opened.and_then(|opened| opened) {
        Ok(engine) => engine,
        Err(error) => {
            tracing::error!(%error, "cases are found by their words alone: the encoder cannot be loaded; buoy doctor says more");
            return;
        }
    };
    app.state::<Meaning>().ready(engine.clone());
    feed::keep_following("the encoder of meanings", &stop, || follow(&app, &engine)).await;
}

fn load(folder: &Path) -> Result<Engine> {
    let model = Model::open(folder).map_err(Error::internal)?;
    Engine::start(model).map_err(Error::internal)
}

async fn follow(app: &Arc<App>, engine: &Engine) -> Result<()> {
    let model = engine.digest();
    // Taken before the first row is read: what changes meanwhile is followed afterwards.
    let head = log::head(app.db.read(), app.db.engine).await?;
    let mut after = None;
    loop {
        let rows = store::vectors_after(app.db.read(), model, after, READ_MAX).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.ticket_id);
        give(app, rows).await?;
    }
    let known = store::position(app.db.read(), model).await?;
    let known = known.and_then(|text| Cursor::open(&text, &app.log_epoch).ok().flatten());
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
            write(app, model, Vec::new(), Some(head)).await?;
            head
        }
    };
    let progress = app.state::<Meaning>();
    let mut follower = app.feed.follow(app, position, History::Included);
    let mut unwritten = 0;
    progress.at.send_replace(position);
    loop {
        match follower.next().await? {
            Next::Rows(rows) => {
                unwritten += rows.len();
                let tickets = texts(app.db.read(), &reworded(&rows)).await?;
                if encode_missing(app, engine, tickets, Some(follower.position())).await? > 0 {
                    unwritten = 0;
                } else if unwritten >= UNWRITTEN_MAX {
                    write(app, model, Vec::new(), Some(follower.position())).await?;
                    unwritten = 0;
                }
                progress.at.send_replace(follower.position());
            }
            Next::Lagged => {}
            Next::Ended => return Ok(()),
        }
    }
}

/// Encodes those of the tickets that have no vector of their text; returns how many. `position`: all before it is done with
/// the last of them.
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
    // Another node has encoded them; or this one, before it was killed.
    give(app, rows).await?;
    let mut chunks = missing.chunks(ENCODED_MAX).peekable();
    while let Some(chunk) = chunks.next() {
        let began = Instant::now();
        let asked = chunk
            .iter()
            .map(|(ticket, _)| Text { title: ticket.title.clone(), body: ticket.description.clone() })
            .collect();
        let vectors = engine.encode_in_turn(asked).await.map_err(Error::internal)?;
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
        let place = position.filter(|_| chunks.peek().is_none());
        write(app, model, rows.clone(), place).await?;
        give(app, rows).await?;
        feed::rest(began).await;
    }
    Ok(missing.len())
}

async fn write(app: &Arc<App>, model: &str, rows: Vec<ticket_vector::Model>, position: Option<Cursor>) -> Result<()> {
    let tx = Ctx::system(app).begin().await?;
    let written = async {
        store::put(tx.conn(), rows).await?;
        match position {
            Some(position) => store::set_position(tx.conn(), model, position.seal(&app.log_epoch)).await,
            None => Ok(()),
        }
    };
    match written.await {
        Ok(()) => tx.commit().await,
        Err(error) => {
            tx.abandon(&error).await;
            Err(error)
        }
    }
}

/// Into the index of this node.
async fn give(app: &Arc<App>, rows: Vec<ticket_vector::Model>) -> Result<()> {
    let index = app.index.clone();
    let vectors = rows.into_iter().filter_map(|row| Some((row.ticket_id.0, Vector::from_bytes(&row.vector)?)));
    let vectors: Vec<_> = vectors.collect();
    if vectors.is_empty() {
        return Ok(());
    }
    tokio::task::spawn_blocking(move || index.put_vectors(vectors)).await.map_err(Error::internal)
}
