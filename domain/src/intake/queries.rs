//! Reads of quarantined submissions and of the health of gateways.

use jiff::tz::TimeZone;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder as _, QuerySelect};

use super::decide::{self, SILENCE_LOOKBACK};
use super::model::{Canary, Gateway, Health, QuarantinedSubmission, Reason, Silence};
use super::store::{canary, in_quarantine, quarantined_submission, submission};
use crate::calendar::model::Organisation;
use crate::credentials;
use crate::kernel::page::{Key, Part};
use crate::kernel::{Actor, Connection, Direction, Error, Page, Result, Timestamp, boxed, days, hours};
use crate::runtime::{Ctx, Executor};

pub(super) fn administrators_only(cx: &Ctx) -> Result<()> {
    match &cx.actor {
        Actor::Anonymous => Err(Error::unauthenticated()),
        actor => actor.require_admin().map_err(|_| Error::forbidden()),
    }
}

/// Quarantined submissions, newest first, including released ones; for administrators.
#[boxed]
pub async fn list(cx: &Ctx, gateway: Option<Gateway>, page: &Page) -> Result<Connection<QuarantinedSubmission>> {
    administrators_only(cx)?;
    let list = "quarantined";
    let keys = [Key::id(Expr::col(quarantined_submission::Column::Id), Direction::Desc)];
    let keyset = page.keyset(list, &keys)?;
    let mut select = quarantined_submission::Entity::find().filter(keyset.cond).limit(keyset.limit);
    if let Some(gateway) = gateway {
        select = select.filter(quarantined_submission::Column::Gateway.eq(gateway.as_str()));
    }
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows = select.all(cx.read()).await?;
    let rows: Vec<QuarantinedSubmission> =
        rows.into_iter().map(QuarantinedSubmission::try_from).collect::<Result<_, _>>()?;
    Ok(page.connection(list, rows, |row| vec![Part::Id(row.id.0)]))
}

/// Failures within an hour that cause an alert at a public gateway.
const ALERT_FAILURES_MIN: u64 = 5;

/// Whether a failed check causes an alert. At a gateway that only its provider calls, every failure does. At a public gateway
/// forged submissions are common: there must be more failures than accepted submissions within an hour, and either many of
/// them, or nothing accepted for a day.
pub async fn should_alert(conn: &Executor, gateway: Gateway, reason: Reason, now: Timestamp) -> Result<bool> {
    if !gateway.is_public() || matches!(reason, Reason::NoCredential | Reason::Refused) {
        return Ok(true);
    }
    let accepted = |since: Timestamp| {
        submission::Entity::find()
            .filter(submission::Column::Gateway.eq(gateway.as_str()))
            .filter(submission::Column::ReceivedAt.gte(since))
    };
    let failed = in_quarantine(gateway).filter(quarantined_submission::Column::ReceivedAt.gte(now - hours(1)));
    let (failed, recent) = (failed.count(conn).await?, accepted(now - hours(1)).count(conn).await?);
    Ok(failed > recent && (failed >= ALERT_FAILURES_MIN || accepted(now - days(1)).limit(1).one(conn).await?.is_none()))
}

/// Arrivals considered at most: the latest.
const ARRIVALS_MAX: u64 = 20_000;
/// Canaries shown per gateway.
const CANARIES_MAX: u64 = 12;

async fn arrivals(conn: &Executor, gateway: Gateway, since: Timestamp) -> Result<Vec<Timestamp>> {
    let mut rows: Vec<Timestamp> = submission::Entity::find()
        .select_only()
        .column(submission::Column::ReceivedAt)
        .filter(submission::Column::Gateway.eq(gateway.as_str()))
        .filter(submission::Column::ReceivedAt.gte(since))
        .order_by_desc(submission::Column::ReceivedAt)
        .limit(ARRIVALS_MAX)
        .into_tuple()
        .all(conn)
        .await?;
    rows.reverse();
    Ok(rows)
}

/// How long nothing has arrived, and whether that is unusual; `None`: nothing arrived in the lookback period.
pub async fn silence(conn: &Executor, gateway: Gateway, now: Timestamp, zone: &TimeZone) -> Result<Option<Silence>> {
    Ok(decide::silence(&arrivals(conn, gateway, now - SILENCE_LOOKBACK).await?, now, zone))
}

/// The latest canaries of a gateway, newest first.
pub(super) async fn canaries(conn: &Executor, gateway: Gateway, max: u64) -> Result<Vec<canary::Model>> {
    let of_gateway = canary::Entity::find().filter(canary::Column::Gateway.eq(gateway.as_str()));
    Ok(of_gateway.order_by_desc(canary::Column::SentAt).limit(max).all(conn).await?)
}

/// The health of every gateway; for administrators.
#[boxed]
pub async fn health(cx: &Ctx) -> Result<Vec<Health>> {
    administrators_only(cx)?;
    let (conn, now) = (cx.read(), cx.now());
    let zone = cx.app.state::<Organisation>().zone.clone();
    let mut all = Vec::new();
    // There are few gateways.
    for gateway in Gateway::ALL.iter().copied() {
        let found = credentials::queries::secrets(&cx.app, conn, gateway.as_str()).await?;
        let arrivals = arrivals(conn, gateway, now - SILENCE_LOOKBACK).await?;
        let received = arrivals.iter().filter(|at| **at >= now - days(1)).count() as u64;
        all.push(Health {
            gateway,
            is_open: found.is_some_and(|(one, secrets)| one.kind == gateway.credential() && !secrets.is_empty()),
            quarantined: in_quarantine(gateway).count(conn).await?,
            received,
            silence: decide::silence(&arrivals, now, &zone),
            canaries: canaries(conn, gateway, CANARIES_MAX)
                .await?
                .into_iter()
                .map(Canary::try_from)
                .collect::<Result<_, _>>()?,
        });
    }
    Ok(all)
}
