//! What systems are told: by subscription with resume, and as deliveries that an administrator looks after.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::hub::commands::note_streamed;
use domain::hub::model::{self, CorrectionState as State, System};
use domain::hub::queries;
use domain::kernel::{ApiScope, CorrectionId, Error, Page, Result, TicketId};
use domain::runtime::feed::{Follower, History, Next};
use domain::runtime::{Ctx, Cursor, log};
use domain::tickets;
use futures::{Stream, stream};

use super::super::Caller;
use super::super::error::OrTopLevel as _;
use super::super::loaders::Loaders;
use super::super::nodes::{Relay, relay};
use super::super::scalars::{DateTime, TicketStatus, int};
use super::super::ticket::TicketNode;
use super::CorrectionState;

/// What a system is told: where a ticket stands, other than the system holds.
#[derive(SimpleObject, Clone)]
pub struct Correction {
    /// Its place: reconnect with `after` this, and nothing is lost or repeated.
    cursor: String,
    /// The ticket's token.
    uuid: String,
    /// Where the ticket stands.
    status: TicketStatus,
    /// The system's own word for it; null where its map has none.
    word: Option<String>,
    /// Report with this `causeId` to acknowledge it.
    cause_id: String,
}

/// A correction that waits to be taken.
#[derive(SimpleObject)]
#[graphql(name = "OutstandingCorrection")]
pub struct CorrectionNode {
    /// The ticket's token.
    uuid: String,
    /// Where the ticket stands.
    status: TicketStatus,
    /// The system's own word for it; null where its map has none.
    word: Option<String>,
    /// Report with this `causeId` to acknowledge it.
    cause_id: String,
    /// When it became due.
    created_at: DateTime,
}

/// A correction on its way to a system.
pub struct DeliveryNode {
    pub system: String,
    pub correction: model::Correction,
}

/// What became of a correction, as an administrator sees it.
#[Object(name = "Delivery")]
impl DeliveryNode {
    /// Unique among all things; also the `causeId` and the `webhook-id`.
    async fn id(&self) -> ID {
        self.correction.id.to_string().into()
    }

    /// The key of the system.
    async fn system(&self) -> &str {
        &self.system
    }

    /// The ticket; null where the viewer may not see it.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let view = ctx.data_unchecked::<Loaders>().one(self.correction.ticket).await.or_top_level(ctx)?;
        Ok(view.map(TicketNode))
    }

    /// What the system is told.
    async fn status(&self) -> TicketStatus {
        self.correction.status.into()
    }

    /// What became of it.
    async fn state(&self) -> CorrectionState {
        self.correction.state.into()
    }

    /// How often the endpoint was called.
    async fn attempts(&self) -> i32 {
        int(self.correction.attempts)
    }

    /// What the endpoint last answered, where it did not take it.
    async fn failure(&self) -> Option<&str> {
        self.correction.failure.as_deref()
    }

    /// When it became due.
    async fn created_at(&self) -> DateTime {
        self.correction.created_at.into()
    }

    /// When it was last sent.
    async fn sent_at(&self) -> Option<DateTime> {
        self.correction.sent_at.map(Into::into)
    }

    /// When the endpoint is called next.
    async fn due_at(&self) -> Option<DateTime> {
        self.correction.due_at.map(Into::into)
    }

    /// When the system took it.
    async fn acknowledged_at(&self) -> Option<DateTime> {
        self.correction.acknowledged_at.map(Into::into)
    }
}

/// The calling system, where its key is good for this.
async fn calling_system(cx: &Ctx, scope: ApiScope) -> Result<Arc<System>> {
    let person = cx.actor.person().ok_or_else(Error::unauthenticated)?;
    let system = queries::system_of(&cx.app, person.id).await?.filter(|_| person.has_scope(scope));
    system.ok_or_else(Error::forbidden)
}

pub async fn outstanding(ctx: &Context<'_>, page: &Page) -> async_graphql::Result<Relay<CorrectionNode>> {
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let system = calling_system(cx, ApiScope::Corrections).await.or_top_level(ctx)?;
    let found = queries::outstanding(cx, &system, page).await.or_top_level(ctx)?;
    let ids: Vec<TicketId> = found.edges.iter().map(|edge| edge.node.ticket).collect();
    let tokens = tickets::queries::tokens(cx.read(), &ids).await.or_top_level(ctx)?;
    Ok(relay(found, |one| CorrectionNode {
        uuid: tokens.get(&one.ticket).cloned().unwrap_or_default(),
        status: one.status.into(),
        word: system.word_for(one.status).map(str::to_owned),
        cause_id: one.id.to_string(),
        created_at: one.created_at.into(),
    }))
}

/// Corrections that one read of the log makes up for.
const CATCH_UP: u64 = 200;

struct Told {
    cx: Ctx,
    system: Arc<System>,
    follower: Follower,
    /// Behind this place nothing was told yet; until it has come to where the follower begins.
    behind: Option<(Cursor, Cursor)>,
    found: VecDeque<Correction>,
}

/// The stream of a system's corrections: what was missed behind `after`, then what comes.
pub async fn corrections(
    ctx: &Context<'_>,
    after: Option<String>,
) -> async_graphql::Result<impl Stream<Item = Correction> + use<>> {
    let cx = ctx.data_unchecked::<Caller>().cx.clone();
    let system = calling_system(&cx, ApiScope::Corrections).await.or_top_level(ctx)?;
    let app = cx.app.clone();
    let head = log::head(app.db.read(), app.db.engine).await.or_top_level(ctx)?;
    let behind = match after {
        None => None,
        // From before a restore: all that is still open is told.
        Some(text) => {
            let opened = Cursor::open(&text, &app.log_epoch).map_err(Error::from).or_top_level(ctx)?;
            Some((opened.unwrap_or(Cursor::START), head))
        }
    };
    let follower = app.feed.follow(&app, head, History::Skipped);
    let told = Told { cx, system, follower, behind, found: VecDeque::new() };
    Ok(stream::unfold(told, |mut told| async move { Some((told.next().await?, told)) }))
}

impl Told {
    async fn next(&mut self) -> Option<Correction> {
        loop {
            if let Some(correction) = self.found.pop_front() {
                return Some(correction);
            }
            if let Err(error) = self.hear().await? {
                tracing::error!(%error, "corrections cannot be read; the subscription ends, and its client resumes");
                return None;
            }
        }
    }

    /// Takes what is due next; `None`: the process stops.
    async fn hear(&mut self) -> Option<Result<()>> {
        if let Some((after, until)) = self.behind {
            return Some(self.catch_up(after, until).await);
        }
        let rows = match self.follower.next().await {
            Ok(Next::Rows(rows)) => rows,
            Ok(Next::Lagged) => return Some(Ok(())),
            Ok(Next::Ended) => return None,
            Err(error) => return Some(Err(error)),
        };
        let due = rows.iter().filter_map(|row| queries::due_for(self.system.id, row)).collect();
        Some(self.find(due).await)
    }

    async fn catch_up(&mut self, after: Cursor, until: Cursor) -> Result<()> {
        let due = queries::due_since(&self.cx.app, self.system.id, after, CATCH_UP).await?;
        let last = due.last().map(|place| place.cursor).filter(|_| due.len() as u64 == CATCH_UP);
        self.behind = last.filter(|last| *last < until).map(|last| (last, until));
        // What lies behind comes from the follower.
        self.find(due.into_iter().filter(|place| place.cursor <= until).collect()).await
    }

    async fn find(&mut self, due: Vec<queries::Place>) -> Result<()> {
        if due.is_empty() {
            return Ok(());
        }
        let app = self.cx.app.clone();
        if let Some(system) = queries::systems(&app).await?.get(&self.system.id) {
            self.system = system.clone();
        }
        let ids: Vec<CorrectionId> = due.iter().map(|place| place.correction).collect();
        let corrections = queries::by_ids(&app, &ids).await?;
        let of: Vec<TicketId> = corrections.iter().map(|one| one.ticket).collect();
        let tokens = tickets::queries::tokens(app.db.read(), &of).await?;
        let by_id: HashMap<CorrectionId, model::Correction> =
            corrections.into_iter().map(|one| (one.id, one)).collect();
        let mut handed = Vec::new();
        for place in due {
            // One that was overtaken before it was told is dropped.
            let Some(one) = by_id.get(&place.correction).filter(|one| one.state != State::Overtaken) else { continue };
            if one.sent_at.is_none() {
                handed.push(one.id);
            }
            self.found.push_back(Correction {
                cursor: place.cursor.seal(&app.log_epoch),
                uuid: tokens.get(&one.ticket).cloned().unwrap_or_default(),
                status: one.status.into(),
                word: self.system.word_for(one.status).map(str::to_owned),
                cause_id: one.id.to_string(),
            });
        }
        if handed.is_empty() { Ok(()) } else { note_streamed(&Ctx::system(&app), &handed).await }
    }
}
