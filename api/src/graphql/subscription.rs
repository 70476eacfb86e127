//! Live feeds: what was missed, then what comes, each event by the rights of the moment.

use std::sync::Arc;

use async_graphql::{Context, ID, SimpleObject, Subscription as GraphQlSubscription};
use domain::event::Event;
use domain::kernel::{Error, Person, Result, TicketId, UserId};
use domain::people::model::PeopleEvent;
use domain::runtime::feed::{Follower, History, Next};
use domain::runtime::{App, Ctx, Cursor, Row, log};
use domain::tickets::decide::board;
use domain::tickets::model::{Access, Filter, View};
use domain::tickets::queries::{Name, check_filter, current, view};
use domain::{people, tickets};
use futures::Stream;

use super::Caller;
use super::error::{OrTopLevel as _, top_level};
use super::inputs::{TicketFilter, argument};
use super::scalars::{BoardEventKind, DateTime};
use super::ticket::TicketNode;

/// Events that a feed makes up for; who has missed more is told to load anew.
pub const MISSED_MAX: u64 = 1_000;

/// What happened on a board.
#[derive(SimpleObject)]
pub struct BoardEvent {
    /// Its place in the log; reconnect with `after` this, and nothing is lost or repeated.
    cursor: String,
    /// When it happened.
    at: DateTime,
    /// What happened.
    kind: BoardEventKind,
    /// The ticket as it is at delivery; null on RESYNC and LEFT.
    ticket: Option<TicketNode>,
    /// The ticket's id; null on RESYNC.
    ticket_id: Option<ID>,
}

pub struct Subscription;

/// What comes without being asked for.
#[GraphQlSubscription]
impl Subscription {
    /// What happens to the tickets of a filter, within the viewer's scope.
    async fn board_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tickets; all that the viewer sees where none is given.")] filter: Option<TicketFilter>,
        #[graphql(desc = "First what was missed behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<BoardEvent>> + use<>> {
        let filter = filter.unwrap_or_default().into_domain().or_top_level(ctx)?;
        check_filter(&filter).or_top_level(ctx)?;
        feed(ctx, filter, None, after).await
    }

    /// What happens to one ticket.
    async fn ticket_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] ticket_id: ID,
        #[graphql(desc = "First what was missed behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<BoardEvent>> + use<>> {
        let id: TicketId = argument(ctx, "ticketId", &ticket_id)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let seen = view(cx, Name::Id(id)).await.or_top_level(ctx)?;
        if seen.access != Access::Full {
            return Err(Error::not_found()).or_top_level(ctx);
        }
        feed(ctx, Filter::default(), Some(id), after).await
    }
}

async fn feed(
    ctx: &Context<'_>,
    filter: Filter,
    only: Option<TicketId>,
    after: Option<String>,
) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<BoardEvent>> + use<>> {
    let Caller { cx, language, changed, .. } = ctx.data_unchecked::<Caller>().clone();
    let user = cx.actor.user_id().ok_or_else(Error::unauthenticated).or_top_level(ctx)?;
    let (mut follower, missed_too_much) = begin(&cx.app, after.as_deref()).await.or_top_level(ctx)?;
    let stream = async_stream::stream! {
        let mut told = Told { user, filter, only, over: false };
        if missed_too_much {
            yield Ok(resync(&cx, follower.position()));
        }
        loop {
            match step(&cx, &mut follower, &mut told).await {
                Ok(Some(events)) => {
                    for event in events {
                        yield Ok(event);
                    }
                    if told.over {
                        changed.cancel();
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    yield Err(top_level(error, language));
                    return;
                }
            }
        }
    };
    Ok(stream)
}

/// A follower behind `after`, and whether so much was missed that lists are to be loaded anew.
async fn begin(app: &Arc<App>, after: Option<&str>) -> Result<(Follower, bool)> {
    let (conn, engine) = (app.db.read(), app.db.engine);
    let Some(text) = after else {
        let head = log::head(conn, engine).await?;
        return Ok((app.feed.follow(app, head, History::Skipped), false));
    };
    let missed = match Cursor::open(text, &app.log_epoch)? {
        Some(cursor)
            if log::count_behind(conn, engine, cursor, History::Skipped, MISSED_MAX + 1).await? <= MISSED_MAX =>
        {
            Some(cursor)
        }
        // From before a restore, or too far behind.
        _ => None,
    };
    let position = match missed {
        Some(cursor) => cursor,
        None => log::head(conn, engine).await?,
    };
    Ok((app.feed.follow(app, position, History::Skipped), missed.is_none()))
}

/// Who is told what.
struct Told {
    user: UserId,
    filter: Filter,
    only: Option<TicketId>,
    /// The rights that the feed was opened with hold no more.
    over: bool,
}

/// The next events to be told; `None` where the feed ends.
async fn step(cx: &Ctx, follower: &mut Follower, told: &mut Told) -> Result<Option<Vec<BoardEvent>>> {
    let app = &cx.app;
    match follower.next().await? {
        Next::Ended => Ok(None),
        Next::Lagged => {
            let behind =
                log::count_behind(app.db.read(), app.db.engine, follower.position(), History::Skipped, MISSED_MAX + 1)
                    .await?;
            if behind <= MISSED_MAX {
                return Ok(Some(Vec::new()));
            }
            follower.skip_to(log::head(app.db.read(), app.db.engine).await?);
            Ok(Some(vec![resync(cx, follower.position())]))
        }
        Next::Rows(rows) => {
            let mut events = Vec::new();
            for row in rows {
                match &*row.event {
                    Event::Ticket(event) if told.only.is_none_or(|only| only == event.ticket) => {
                        events.extend(tell(cx, told, &row, event).await?);
                    }
                    Event::ImportFinished { .. } => events.push(resync(cx, row.cursor)),
                    // What somebody may see may have changed: lists anew, and all that hangs on the rights with them.
                    Event::People(
                        PeopleEvent::UserCreated { .. }
                        | PeopleEvent::UserChanged { .. }
                        | PeopleEvent::UserRedacted { .. },
                    ) if has_changed(cx, told.user).await? => {
                        told.over = true;
                        events.push(resync(cx, row.cursor));
                        return Ok(Some(events));
                    }
                    _ => {}
                }
            }
            Ok(Some(events))
        }
    }
}

/// Whether somebody's rights are others than those that they came with.
async fn has_changed(cx: &Ctx, user: UserId) -> Result<bool> {
    let now = people::queries::person(&cx.app, user).await?;
    let came = cx.actor.person().cloned();
    Ok(now.map(|now| Person { session: came.as_ref().and_then(|came| came.session), ..now }) != came)
}

async fn tell(cx: &Ctx, told: &Told, row: &Row, event: &tickets::model::TicketEvent) -> Result<Option<BoardEvent>> {
    let Some(current) = current(&cx.app, event.ticket).await? else { return Ok(None) };
    let Some(kind) = board::told(&cx.actor, &told.filter, event, row.audience, &current) else { return Ok(None) };
    let kind = BoardEventKind::from(kind);
    let view = View { ticket: current.ticket.clone(), access: Access::Full };
    Ok(Some(BoardEvent {
        cursor: row.cursor.seal(&cx.app.log_epoch),
        at: row.at.into(),
        kind,
        ticket: (kind != BoardEventKind::Left).then_some(TicketNode(view)),
        ticket_id: Some(event.ticket.to_string().into()),
    }))
}

fn resync(cx: &Ctx, at: Cursor) -> BoardEvent {
    BoardEvent {
        cursor: at.seal(&cx.app.log_epoch),
        at: cx.now().into(),
        kind: BoardEventKind::Resync,
        ticket: None,
        ticket_id: None,
    }
}
