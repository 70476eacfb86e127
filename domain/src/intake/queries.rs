//! Reads of what failed its check, and of how gateways do.

use jiff::tz::TimeZone;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder as _, QuerySelect,
};

use super::decide::{self, LEARNED_FROM};
use super::model::{Canary, Gateway, Health, Quarantined, Reason, Settings, Silence};
use super::store::{canary, held, quarantined_submission, submission};
use crate::credentials;
use crate::kernel::page::{Key, Part};
use crate::kernel::{Actor, Connection, Direction, Error, Page, Result, Timestamp, days, hours};
use crate::runtime::Ctx;

pub(super) fn administrators_only(cx: &Ctx) -> Result<()> {
    match &cx.actor {
        Actor::Anonymous => Err(Error::unauthenticated()),
        actor => actor.require_admin().map_err(|_| Error::forbidden()),
    }
}

/// Submissions that did not pass, newest first, released ones too: for administrators.
pub async fn list(cx: &Ctx, gateway: Option<Gateway>, page: &Page) -> Result<Connection<Quarantined>> {
    administrators_only(cx)?;
    let list = "quarantined";
    let keys = [Key::id(Expr::col(quarantined_submission::Column::Id), Direction::Desc)];
    let keyset = page.keyset(list, &keys)?;
    let mut select = quarantined_submission::Entity::find().filter(keyset.cond).limit(keyset.limit);
    if let Some(gateway) = gateway {
        select = select.filter(quarantined_submission::Column::Gateway.eq(gateway.word()));
    }
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows = select.all(cx.read()).await?;
    let rows: Vec<Quarantined> = rows.into_iter().map(Quarantined::try_from).collect::<Result<_, _>>()?;
    Ok(page.connection(list, rows, |row| vec![Part::Id(row.id.0)]))
}

/// Failures within an hour that are many at a gateway where anybody may write.
const MANY: u64 = 5;

/// Whether a submission that failed its check says that something is wrong with the gateway. Where only the provider calls, any does.
/// Where anybody may write, forged ones come every day: there it is a rise, more failures than submissions within an hour, and
/// either many, or nothing taken for a day.
pub async fn is_alarming(
    conn: &impl ConnectionTrait,
    gateway: Gateway,
    reason: Reason,
    now: Timestamp,
) -> Result<bool> {
    if !gateway.is_open() || matches!(reason, Reason::NoCredential | Reason::Refused) {
        return Ok(true);
    }
    let taken = |since: Timestamp| {
        submission::Entity::find()
            .filter(submission::Column::Gateway.eq(gateway.word()))
            .filter(submission::Column::ReceivedAt.gte(since))
    };
    let failed = held(gateway).filter(quarantined_submission::Column::ReceivedAt.gte(now - hours(1)));
    let (failed, lately) = (failed.count(conn).await?, taken(now - hours(1)).count(conn).await?);
    Ok(failed > lately && (failed >= MANY || taken(now - days(1)).limit(1).one(conn).await?.is_none()))
}

/// Arrivals that are looked at: beyond, the latest.
const ARRIVALS_MAX: u64 = 20_000;
/// Canaries of one gateway that are shown.
const CANARIES_MAX: u64 = 12;

async fn arrivals(conn: &impl ConnectionTrait, gateway: Gateway, since: Timestamp) -> Result<Vec<Timestamp>> {
    let mut rows: Vec<Timestamp> = submission::Entity::find()
        .select_only()
        .column(submission::Column::ReceivedAt)
        .filter(submission::Column::Gateway.eq(gateway.word()))
        .filter(submission::Column::ReceivedAt.gte(since))
        .order_by_desc(submission::Column::ReceivedAt)
        .limit(ARRIVALS_MAX)
        .into_tuple()
        .all(conn)
        .await?;
    rows.reverse();
    Ok(rows)
}

/// How long nothing has come, and whether that is unusual; `None`: nothing has come for weeks.
pub async fn silence(
    conn: &impl ConnectionTrait,
    gateway: Gateway,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Option<Silence>> {
    Ok(decide::silence(&arrivals(conn, gateway, now - LEARNED_FROM).await?, now, zone))
}

/// The latest canaries of a gateway, newest first.
pub(super) async fn canaries(conn: &impl ConnectionTrait, gateway: Gateway, max: u64) -> Result<Vec<canary::Model>> {
    let of_gateway = canary::Entity::find().filter(canary::Column::Gateway.eq(gateway.word()));
    Ok(of_gateway.order_by_desc(canary::Column::SentAt).limit(max).all(conn).await?)
}

/// How every gateway does: for administrators.
pub async fn health(cx: &Ctx) -> Result<Vec<Health>> {
    administrators_only(cx)?;
    let (conn, now) = (cx.read(), cx.now());
    let zone = cx.app.state::<Settings>().zone.clone();
    let mut all = Vec::new();
    // There are few of them.
    for gateway in Gateway::ALL.iter().copied() {
        let found = credentials::queries::secrets(&cx.app, conn, gateway.word()).await?;
        let arrivals = arrivals(conn, gateway, now - LEARNED_FROM).await?;
        let received = arrivals.iter().filter(|at| **at >= now - days(1)).count() as u64;
        all.push(Health {
            gateway,
            is_open: found.is_some_and(|(one, secrets)| one.kind == gateway.credential() && !secrets.is_empty()),
            held: held(gateway).count(conn).await?,
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
