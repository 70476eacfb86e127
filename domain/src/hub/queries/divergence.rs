//! Divergence: on how many tickets systems differ, now, over time and by pair of systems.

use sea_orm::sea_query::{
    Alias, Expr, ExprTrait as _, Func, IntoCondition as _, JoinType, Query, SelectStatement, SimpleExpr,
};
use sea_orm::{Condition, ConnectionTrait, Order};

use super::super::model::Settings;
use super::super::store::{hub_difference, hub_holding, hub_ticket};
use super::systems;
use crate::kernel::{Error, Result, Role, SystemId, Timestamp, boxed, days};
use crate::msg;
use crate::runtime::Ctx;
use crate::tickets::decide::rights::Scope;
use crate::tickets::store::entities::ticket;
use crate::tickets::store::select;

/// Points per series.
const POINTS_MAX: i64 = 60;
/// Ended differences of a period that enter the median.
const ENDED_MAX: u64 = 100_000;

/// Differing tickets out of the compared ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub differing: u64,
    pub compared: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub at: Timestamp,
    pub share: Share,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub first: String,
    pub second: String,
    pub share: Share,
    pub median_seconds: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// At the end of the period, or now where that is earlier.
    pub current: Share,
    /// Tickets that differ, but not long enough to count.
    pub pending: u64,
    pub series: Vec<Point>,
    pub pairs: Vec<Pair>,
    pub median_seconds: Option<i64>,
}

/// A query of a hub table joined with its tickets, restricted to a scope.
fn in_scope(
    from: impl sea_orm::sea_query::IntoTableRef,
    id: impl sea_orm::sea_query::IntoColumnRef,
    scope: &Scope,
) -> SelectStatement {
    let mut query = Query::select();
    query.from(from).join(
        JoinType::InnerJoin,
        ticket::Entity,
        Expr::col(id).eq(Expr::col((ticket::Entity, ticket::Column::Id))),
    );
    query.cond_where(select::scope(scope));
    query
}

/// Whether a difference counts at an instant: it began long enough before and has not ended.
fn differs_at(at: Timestamp, settings: &Settings) -> Condition {
    let ended = Expr::col((hub_difference::Entity, hub_difference::Column::EndedAt));
    Condition::all()
        .add(Expr::col((hub_difference::Entity, hub_difference::Column::BeganAt)).lte(at - settings.grace()))
        .add(ended.clone().is_null().or(ended.gt(at)))
}

fn count_where(column: SimpleExpr, condition: Condition) -> SimpleExpr {
    Func::count_distinct(Expr::case(condition, column)).into()
}

async fn counts(cx: &Ctx, mut query: SelectStatement, columns: Vec<SimpleExpr>) -> Result<Vec<u64>> {
    let n = columns.len();
    for (i, column) in columns.into_iter().enumerate() {
        query.expr_as(column, Alias::new(format!("c{i}")));
    }
    let row = cx.read().query_one(&query).await?.ok_or_else(|| Error::internal("a count gives no row"))?;
    (0..n)
        .map(|i| {
            let count: i64 = row.try_get("", &format!("c{i}"))?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
        .collect()
}

fn median(mut all: Vec<i64>) -> Option<i64> {
    all.sort_unstable();
    all.get(all.len().checked_sub(1)? / 2).copied()
}

/// The instants of a series over a period: the ends of its days, or of longer equal parts.
fn points(from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let day = i64::try_from(days(1).as_millis()).unwrap_or(i64::MAX);
    let span = to.millis() - from.millis();
    let step = Ord::max(day, span / POINTS_MAX / day * day);
    let mut at = Vec::new();
    let mut next = from.millis() + step;
    while next < to.millis() && at.len() < usize::try_from(POINTS_MAX).unwrap_or(usize::MAX) {
        at.push(Timestamp::from_millis(next));
        next += step;
    }
    at.push(to);
    at
}

#[boxed]
pub async fn divergence(cx: &Ctx, from: Timestamp, to: Timestamp) -> Result<Divergence> {
    if cx.actor.user_id().is_none() {
        return Err(Error::unauthenticated());
    }
    if !cx.actor.is_staff() && !cx.actor.is(Role::ProductManager) {
        return Err(Error::forbidden());
    }
    if to <= from {
        return Err(Error::bad_input(msg!("hub-period-invalid")));
    }
    let settings = cx.app.state::<Settings>().clone();
    let scope = Scope::of(&cx.actor);
    let end = Ord::min(to, cx.now());
    let at = if end <= from { vec![end] } else { points(from, end) };
    let compared = (hub_ticket::Entity, hub_ticket::Column::ComparedFrom);
    let of_ticket = in_scope(hub_ticket::Entity, (hub_ticket::Entity, hub_ticket::Column::TicketId), &scope);
    let ids = Expr::col((hub_ticket::Entity, hub_ticket::Column::TicketId));
    let columns = at.iter().map(|at| count_where(ids.clone(), Expr::col(compared).lte(*at).into_condition()));
    let compared = counts(cx, of_ticket, columns.collect()).await?;
    let differences =
        || in_scope(hub_difference::Entity, (hub_difference::Entity, hub_difference::Column::TicketId), &scope);
    let ids = || -> SimpleExpr { Expr::col((hub_difference::Entity, hub_difference::Column::TicketId)) };
    let mut columns: Vec<SimpleExpr> = at.iter().map(|at| count_where(ids(), differs_at(*at, &settings))).collect();
    let began = Expr::col((hub_difference::Entity, hub_difference::Column::BeganAt));
    let ended = Expr::col((hub_difference::Entity, hub_difference::Column::EndedAt));
    let open = Condition::all().add(began.clone().lte(end)).add(ended.clone().is_null().or(ended.clone().gt(end)));
    columns.push(count_where(ids(), open));
    let mut query = differences();
    // Differences that ended before the period count at none of its points.
    query.and_where(ended.clone().is_null().or(ended.clone().gt(from)));
    let mut differing = counts(cx, query, columns).await?;
    let open = differing.pop().unwrap_or(0);
    let series: Vec<Point> = at
        .iter()
        .zip(differing.into_iter().zip(compared))
        .map(|(at, (differing, compared))| Point { at: *at, share: Share { differing, compared } })
        .collect();
    let current = series.last().map(|point| point.share).unwrap_or_default();

    // How long differences lasted.
    let mut query = differences();
    query
        .columns([
            (hub_difference::Entity, hub_difference::Column::FirstId),
            (hub_difference::Entity, hub_difference::Column::SecondId),
            (hub_difference::Entity, hub_difference::Column::BeganAt),
            (hub_difference::Entity, hub_difference::Column::EndedAt),
        ])
        .and_where(ended.clone().gte(from))
        .and_where(ended.lt(to))
        .order_by((hub_difference::Entity, hub_difference::Column::EndedAt), Order::Desc)
        .limit(ENDED_MAX);
    let mut ended_differences: Vec<((SystemId, SystemId), i64)> = Vec::new();
    for row in cx.read().query_all(&query).await? {
        let (first, second): (SystemId, SystemId) = (row.try_get("", "first_id")?, row.try_get("", "second_id")?);
        let (began, ended): (Timestamp, Timestamp) = (row.try_get("", "began_at")?, row.try_get("", "ended_at")?);
        ended_differences.push(((first, second), ended.seconds_since(began)));
    }
    let pairs = pairs(cx, &scope, end, &settings, &ended_differences).await?;
    let median_seconds = median(ended_differences.into_iter().map(|(_, seconds)| seconds).collect());
    Ok(Divergence { current, pending: open.saturating_sub(current.differing), series, pairs, median_seconds })
}

/// The divergence of each pair of systems.
async fn pairs(
    cx: &Ctx,
    scope: &Scope,
    end: Timestamp,
    settings: &Settings,
    ended_differences: &[((SystemId, SystemId), i64)],
) -> Result<Vec<Pair>> {
    let (first, second) = (Alias::new("first_state"), Alias::new("second_state"));
    let column = |of: &Alias, column: hub_holding::Column| Expr::col((of.clone(), column));
    let mut query = Query::select();
    query
        .expr_as(column(&first, hub_holding::Column::SystemId), Alias::new("first_id"))
        .expr_as(column(&second, hub_holding::Column::SystemId), Alias::new("second_id"))
        .expr_as(Func::count(column(&first, hub_holding::Column::TicketId)), Alias::new("n"))
        .from_as(hub_holding::Entity, first.clone())
        .join_as(
            JoinType::InnerJoin,
            hub_holding::Entity,
            second.clone(),
            column(&first, hub_holding::Column::TicketId).eq(column(&second, hub_holding::Column::TicketId)),
        )
        .join(
            JoinType::InnerJoin,
            ticket::Entity,
            column(&first, hub_holding::Column::TicketId).eq(Expr::col((ticket::Entity, ticket::Column::Id))),
        )
        .cond_where(select::scope(scope))
        .and_where(column(&first, hub_holding::Column::SystemId).lt(column(&second, hub_holding::Column::SystemId)))
        .and_where(column(&first, hub_holding::Column::ReportId).is_not_null())
        .and_where(column(&second, hub_holding::Column::ReportId).is_not_null())
        .group_by_columns([
            (first.clone(), hub_holding::Column::SystemId),
            (second.clone(), hub_holding::Column::SystemId),
        ]);
    let compared = pair_counts(cx, &query).await?;
    let mut query = in_scope(hub_difference::Entity, (hub_difference::Entity, hub_difference::Column::TicketId), scope);
    query
        .columns([
            (hub_difference::Entity, hub_difference::Column::FirstId),
            (hub_difference::Entity, hub_difference::Column::SecondId),
        ])
        .expr_as(
            Func::count_distinct(Expr::col((hub_difference::Entity, hub_difference::Column::TicketId))),
            Alias::new("n"),
        )
        .cond_where(differs_at(end, settings))
        .group_by_columns([
            (hub_difference::Entity, hub_difference::Column::FirstId),
            (hub_difference::Entity, hub_difference::Column::SecondId),
        ]);
    let differing = pair_counts(cx, &query).await?;
    let known = systems(&cx.app).await?;
    let key = |id: &SystemId| known.get(id).map(|system| system.key.clone()).unwrap_or_default();
    let mut pairs: Vec<Pair> = compared
        .into_iter()
        .map(|(pair, compared)| {
            let (mut first, mut second) = (key(&pair.0), key(&pair.1));
            if second < first {
                std::mem::swap(&mut first, &mut second);
            }
            let differing = differing.iter().find(|(of, _)| *of == pair).map_or(0, |(_, n)| *n);
            let durations = ended_differences.iter().filter(|(of, _)| *of == pair).map(|(_, seconds)| *seconds);
            Pair { first, second, share: Share { differing, compared }, median_seconds: median(durations.collect()) }
        })
        .collect();
    pairs.sort_by(|a, b| (&a.first, &a.second).cmp(&(&b.first, &b.second)));
    Ok(pairs)
}

type PairCount = ((SystemId, SystemId), u64);

async fn pair_counts(cx: &Ctx, query: &SelectStatement) -> Result<Vec<PairCount>> {
    let rows = cx.read().query_all(query).await?;
    rows.iter()
        .map(|row| {
            let pair = (row.try_get("", "first_id")?, row.try_get("", "second_id")?);
            let n: i64 = row.try_get("", "n")?;
            Ok((pair, u64::try_from(n).unwrap_or(0)))
        })
        .collect()
}
