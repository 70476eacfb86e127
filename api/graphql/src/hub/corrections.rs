//! Corrections for systems: as a subscription that can be resumed, and as deliveries that administrators manage.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::hub::commands::mark_streamed;
use domain::hub::model::{self, CorrectionState as State, System};
use domain::hub::queries;
use domain::kernel::{ApiScope, CorrectionId, Error, Page, Result, TicketId};
use domain::runtime::feed::{Follower, Next};
use domain::runtime::log::History;
use domain::runtime::{Ctx, Cursor, log};
use domain::tickets;
use futures::stream::{Stream, unfold};

use super::super::error::OrTopLevel as _;
use super::super::guard::{cx, language};
use super::super::loaders::Loaders;
use super::super::paging::{Relay, relay};
use super::super::scalars::{DateTime, TicketStatus, int};
use super::super::ticket::TicketNode;
use super::CorrectionState;

/// A correction sent to a system whose status for a ticket differs from the authoritative one.
#[derive(SimpleObject, Clone)]
pub struct Correction {
    /// Position in the stream; reconnect with `after` set to it to continue without loss or repetition.
    cursor: String,
    /// The ticket's token.
    uuid: String,
    /// The authoritative status of the ticket.
    status: TicketStatus,
    /// The system's own word for the status; null if its status map has none.
    word: Option<String>,
    /// Id of the correction; a status report with this `causeId` acknowledges it.
    cause_id: String,
}

/// A correction that the system has not acknowledged yet.
#[derive(SimpleObject)]
#[graphql(name = "OutstandingCorrection")]
pub struct CorrectionNode {
    /// The ticket's token.
    uuid: String,
    /// The authoritative status of the ticket.
    status: TicketStatus,
    /// The system's own word for the status; null if its status map has none.
    word: Option<String>,
    /// Id of the correction; a status report with this `causeId` acknowledges it.
    cause_id: String,
    /// When the correction was created.
    created_at: DateTime,
}

/// A correction and the key of the system that it is sent to.
pub struct DeliveryNode {
    pub system: String,
    pub correction: model::Correction,
}

/// A correction and its delivery to a system, with the attempts made.
#[Object(name = "Delivery")]
impl DeliveryNode {
    /// Globally unique id; also the `causeId` and the `webhook-id` header.
    async fn id(&self) -> ID {
        self.correction.id.to_string().into()
    }

    /// The key of the system.
    async fn system(&self) -> &str {
        &self.system
    }

    /// The ticket; null if the viewer may not see it.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let view = ctx.data_unchecked::<Loaders>().load(self.correction.ticket).await.or_top_level(ctx)?;
        Ok(view.map(TicketNode))
    }

    /// The status that the system is told to take.
    async fn status(&self) -> TicketStatus {
        self.correction.status.into()
    }

    /// The state of the correction.
    async fn state(&self) -> CorrectionState {
        self.correction.state.into()
    }

    /// How often the endpoint was called.
    async fn attempts(&self) -> i32 {
        int(self.correction.delivery.attempts)
    }

    /// The endpoint's last error; null if there was none.
    async fn failure(&self, ctx: &Context<'_>) -> Option<String> {
        let language = language(ctx);
        self.correction.delivery.failure.as_ref().map(|failure| failure.text(language))
    }

    /// When the correction was created.
    async fn created_at(&self) -> DateTime {
        self.correction.created_at.into()
    }

    /// When it was last sent; null if it was not.
    async fn sent_at(&self) -> Option<DateTime> {
        self.correction.delivery.sent_at.map(Into::into)
    }

    /// When the endpoint is called next; null if no call is planned.
    async fn due_at(&self) -> Option<DateTime> {
        self.correction.delivery.due_at.map(Into::into)
    }

    /// When the system acknowledged it; null until then.
    async fn acknowledged_at(&self) -> Option<DateTime> {
        self.correction.acknowledged_at.map(Into::into)
    }
}

/// The calling system, if its API key has this scope.
async fn calling_system(cx: &Ctx, scope: ApiScope) -> Result<Arc<System>> {
    let person = cx.actor.person().ok_or_else(Error::unauthenticated)?;
    let system = queries::system_of(&cx.app, person.id).await?.filter(|_| person.has_scope(scope));
    system.ok_or_else(Error::forbidden)
}

pub async fn outstanding(ctx: &Context<'_>, page: &Page) -> async_graphql::Result<Relay<CorrectionNode>> {
    let cx = cx(ctx);
    let system = calling_system(cx, ApiScope::Corrections).await.or_top_level(ctx)?;
    let found = queries::outstanding(cx, &system, page).await.or_top_level(ctx)?;
    let ids: Vec<TicketId> = found.edges.iter().map(|edge| edge.node.ticket).collect();
    let tokens = tickets::queries::tokens(cx.read(), &ids).await.or_top_level(ctx)?;
    Ok(relay(found, |one| CorrectionNode {
        uuid: tokens.get(&one.ticket).cloned().unwrap_or_default(),
        status: one.status.into(),
        word: system.source_status_for(one.status).map(str::to_owned),
        cause_id: one.id.to_string(),
        created_at: one.created_at.into(),
    }))
}

/// Corrections that one read of the log replays.
const REPLAY_BATCH: u64 = 200;

struct CorrectionStream {
    cx: Ctx,
    system: Arc<System>,
    follower: Follower,
    /// What is still to be replayed: after the first cursor, up to the one where the follower starts.
    replay: Option<(Cursor, Cursor)>,
    pending: VecDeque<Correction>,
}

/// The stream of a system's corrections: first those missed after the cursor, then new ones.
pub async fn corrections(
    ctx: &Context<'_>,
    after: Option<String>,
) -> async_graphql::Result<impl Stream<Item = Correction> + use<>> {
    let cx = cx(ctx).clone();
    let system = calling_system(&cx, ApiScope::Corrections).await.or_top_level(ctx)?;
    let app = cx.app.clone();
    let head = log::head(app.db.read(), app.db.engine).await.or_top_level(ctx)?;
    let replay = match after {
        None => None,
        // A cursor from before a restore: replay from the start; only corrections that are still valid are sent.
        Some(text) => {
            let opened = Cursor::decode(&text, &app.log_epoch).map_err(Error::from).or_top_level(ctx)?;
            Some((opened.unwrap_or(Cursor::START), head))
        }
    };
    let follower = app.feed.follow(&app, head, History::Skipped);
    let stream = CorrectionStream { cx, system, follower, replay, pending: VecDeque::new() };
    Ok(unfold(stream, |mut stream| async move { Some((stream.next().await?, stream)) }))
}

impl CorrectionStream {
    async fn next(&mut self) -> Option<Correction> {
        loop {
            if let Some(correction) = self.pending.pop_front() {
                return Some(correction);
            }
            if let Err(error) = self.advance().await? {
                tracing::error!(%error, "corrections cannot be read; the subscription ends, and its client resumes");
                return None;
            }
        }
    }

    /// Reads the next corrections, missed ones first; `None`: the process is stopping.
    async fn advance(&mut self) -> Option<Result<()>> {
        if let Some((after, until)) = self.replay {
            return Some(self.catch_up(after, until).await);
        }
        let rows = match self.follower.next().await {
            Ok(Next::Rows(rows)) => rows,
            Ok(Next::Lagged) => return Some(Ok(())),
            Ok(Next::Ended) => return None,
            Err(error) => return Some(Err(error)),
        };
        let due = rows.iter().filter_map(|row| queries::due_for(self.system.id, row)).collect();
        Some(self.load(due).await)
    }

    async fn catch_up(&mut self, after: Cursor, until: Cursor) -> Result<()> {
        let due = queries::due_since(&self.cx.app, self.system.id, after, REPLAY_BATCH).await?;
        let last = due.last().map(|entry| entry.cursor).filter(|_| due.len() as u64 == REPLAY_BATCH);
        self.replay = last.filter(|last| *last < until).map(|last| (last, until));
        // The follower delivers what comes after `until`.
        self.load(due.into_iter().filter(|entry| entry.cursor <= until).collect()).await
    }

    async fn load(&mut self, due: Vec<queries::CorrectionPosition>) -> Result<()> {
        if due.is_empty() {
            return Ok(());
        }
        let app = self.cx.app.clone();
        if let Some(system) = queries::systems(&app).await?.get(&self.system.id) {
            self.system = system.clone();
        }
        let ids: Vec<CorrectionId> = due.iter().map(|entry| entry.correction).collect();
        let corrections = queries::by_ids(&app, &ids).await?;
        let ticket_ids: Vec<TicketId> = corrections.iter().map(|one| one.ticket).collect();
        let tokens = tickets::queries::tokens(app.db.read(), &ticket_ids).await?;
        let by_id: HashMap<CorrectionId, model::Correction> =
            corrections.into_iter().map(|one| (one.id, one)).collect();
        let mut streamed = Vec::new();
        for entry in due {
            // A correction that was superseded before it was sent is dropped.
            let Some(one) = by_id.get(&entry.correction).filter(|one| one.state != State::Superseded) else { continue };
            if one.delivery.sent_at.is_none() {
                streamed.push(one.id);
            }
            self.pending.push_back(Correction {
                cursor: entry.cursor.encode(&app.log_epoch),
                uuid: tokens.get(&one.ticket).cloned().unwrap_or_default(),
                status: one.status.into(),
                word: self.system.source_status_for(one.status).map(str::to_owned),
                cause_id: one.id.to_string(),
            });
        }
        if streamed.is_empty() { Ok(()) } else { mark_streamed(&Ctx::system(&app), &streamed).await }
    }
}
