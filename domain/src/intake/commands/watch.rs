//! Synthetic tickets, and whether a gateway is quieter than it ever is.

use futures::FutureExt as _;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::super::decide;
use super::super::model::{
    CANARY, CanaryState, Gateway, IntakeEvent, Message, Raw, Reason, Received, Settings, Silence,
};
use super::super::store::canary;
use super::super::{queries, react};
use super::{chance, receive, secrets};
use crate::event::Event;
use crate::kernel::{Error, Result, Timestamp, days};
use crate::notifications;
use crate::notifications::model::{Channel, Senders};
use crate::runtime::jobs::{self, Job, Next, Outcome, Prepared};
use crate::runtime::{Ctx, Tx};

/// A canary is shown for so long after it was sent.
const KEPT_FOR: std::time::Duration = days(7);
/// Of a canary's key: 16 bytes.
const KEY_CHARS: usize = 32;

/// The key of a canary, where a text begins with its name.
fn named(text: &str) -> Option<&str> {
    let key = text.strip_prefix(CANARY)?.get(..KEY_CHARS)?;
    key.chars().all(|c| c.is_ascii_hexdigit()).then_some(key)
}

/// Whether a message is a synthetic ticket; one that is still waited for has arrived. No such message is ever a ticket.
pub(super) async fn arrived(tx: &Tx, gateway: Gateway, message: &Message, at: Timestamp) -> Result<bool> {
    let Some(key) = [&message.external_id, &message.title].into_iter().find_map(|text| named(text)) else {
        return Ok(false);
    };
    canary::Entity::update_many()
        .col_expr(canary::Column::State, Expr::value(CanaryState::Arrived.word()))
        .col_expr(canary::Column::ArrivedAt, Expr::value(at))
        .filter(canary::Column::Key.eq(key))
        .filter(canary::Column::Gateway.eq(gateway.word()))
        .filter(canary::Column::State.eq(CanaryState::Sent.word()))
        .exec(tx.conn())
        .await?;
    Ok(true)
}

/// Whether a request that did not pass carries a canary that is waited for; then that is lost, and told.
pub(super) async fn fails(cx: &Ctx, raw: &Raw, reason: Reason) -> Result<bool> {
    let body = String::from_utf8_lossy(&raw.body);
    let Some(key) = body.find(CANARY).and_then(|at| named(&body[at..])) else { return Ok(false) };
    let waited_for = canary::Entity::find_by_id(key)
        .filter(canary::Column::Gateway.eq(raw.gateway.word()))
        .filter(canary::Column::State.eq(CanaryState::Sent.word()));
    if waited_for.one(cx.read()).await?.is_none() {
        return Ok(false);
    }
    let mut tx = cx.begin().await?;
    lose(&mut tx, key, raw.gateway, reason.word()).await?;
    tx.commit().await?;
    Ok(true)
}

/// By timer: canaries go out, and gateways that are silent are told of.
pub async fn on_watch(tx: &mut Tx) -> Result<Next> {
    let settings = tx.app().state::<Settings>().clone();
    let Some(every) = settings.watched_every else { return Ok(Next::Done) };
    for gateway in Gateway::ALL.iter().copied() {
        if secrets(&tx.cx.app, tx.conn(), gateway).await?.is_empty() {
            continue;
        }
        let has_way = match gateway {
            Gateway::Email => {
                settings.mail_address.is_some() && tx.app().state::<Senders>().of(Channel::Email).is_some()
            }
            other => other.takes_canaries(),
        };
        if has_way {
            let now = tx.now;
            jobs::plant_earlier_in_lane(tx, react::LANE, &[(react::CANARY, gateway.word(), now)]).await?;
            continue;
        }
        let silence = queries::silence(tx.conn(), gateway, tx.now, &settings.zone).await?;
        if let Some(Silence { since, .. }) = silence.filter(|silence| silence.is_unusual)
            && !notifications::queries::is_known(tx.conn(), &silence_key(gateway, since)).await?
        {
            tx.record(Event::Intake(IntakeEvent::Silent { gateway, since })).await?;
        }
    }
    forget_old(tx).await?;
    Ok(Next::At(tx.now + every))
}

/// One alert of each silence.
pub fn silence_key(gateway: Gateway, since: Timestamp) -> String {
    format!("intake:{}:GATEWAY_SILENT:{}", gateway.word(), since.millis())
}

fn gateway_of(job: &Job) -> Result<Gateway> {
    Gateway::parse(&job.subject).ok_or_else(|| Error::internal(format!("{:?} is no gateway", job.subject)))
}

/// The first half: what is about to go is written down, and when it will be looked for.
pub async fn prepare_canary(tx: &mut Tx, job: &Job) -> Result<Prepared> {
    let gateway = gateway_of(job)?;
    let settings = tx.app().state::<Settings>().clone();
    let key = hex::encode(chance(tx.app()));
    let name = format!("{CANARY}{key}");
    let Some(parts) = secrets(&tx.cx.app, tx.conn(), gateway).await?.into_iter().next() else {
        return Ok(Prepared::Ended(Next::Done));
    };
    let sending = match (gateway, &settings.mail_address, tx.app().state::<Senders>().of(Channel::Email)) {
        (Gateway::Email, Some(address), Some(sender)) => sender.send_canary(address, &key),
        _ => {
            let raw = decide::canary(gateway, &parts, &name, tx.now, &chance(tx.app()));
            let Some(raw) = raw else { return Ok(Prepared::Ended(Next::Done)) };
            let cx = Ctx::system(&tx.cx.app);
            async move {
                match receive(&cx, &raw).await {
                    Ok(Received::Answer(_)) => Outcome::Sent { id: None },
                    Ok(Received::Quarantined(_, reason) | Received::Unverified(reason)) => {
                        Outcome::Refused { why: reason.word().to_owned() }
                    }
                    Ok(Received::Refused(_, said)) => Outcome::Refused { why: said.en },
                    Ok(Received::Later) => Outcome::Refused { why: "it takes no more now".to_owned() },
                    Err(error) => Outcome::Refused { why: error.to_string() },
                }
            }
            .boxed()
        }
    };
    let row = canary::ActiveModel {
        key: Set(key.clone()),
        gateway: Set(gateway.word().to_owned()),
        state: Set(CanaryState::Sent.word().to_owned()),
        sent_at: Set(tx.now),
        arrived_at: Set(None),
        ended_at: Set(None),
        failure: Set(None),
    };
    canary::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    let at = tx.now + settings.canary_stands_for;
    jobs::plant(tx, react::CHECK, &key, at).await?;
    Ok(Prepared::Send(sending))
}

/// The second half: what could not even be sent is lost now.
pub async fn settle_canary(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let gateway = gateway_of(job)?;
    let why = match outcome {
        Outcome::Refused { why } | Outcome::Denied { why } | Outcome::Later { why, .. } => why,
        Outcome::Sent { .. } | Outcome::Unknown { .. } | Outcome::Found(_) => return Ok(Next::Done),
    };
    let latest = queries::canaries(tx.conn(), gateway, 1).await?.pop();
    if let Some(row) = latest.filter(|row| row.state == CanaryState::Sent.word()) {
        lose(tx, &row.key, gateway, &why).await?;
    }
    Ok(Next::Done)
}

async fn lose(tx: &mut Tx, key: &str, gateway: Gateway, why: &str) -> Result<()> {
    end(tx, key, CanaryState::Lost, Some(why)).await?;
    tx.record(Event::Intake(IntakeEvent::CanaryLost { gateway })).await
}

async fn end(tx: &Tx, key: &str, state: CanaryState, failure: Option<&str>) -> Result<()> {
    canary::Entity::update_many()
        .col_expr(canary::Column::State, Expr::value(state.word()))
        .col_expr(canary::Column::EndedAt, Expr::value(tx.now))
        .col_expr(canary::Column::Failure, Expr::value(failure))
        .filter(canary::Column::Key.eq(key))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// By timer: whether a synthetic ticket still stands. Where it does, it is over.
pub async fn on_check(tx: &mut Tx, job: &Job) -> Result<Next> {
    let Some(row) = canary::Entity::find_by_id(job.subject.clone()).one(tx.conn()).await? else {
        return Ok(Next::Done);
    };
    let gateway = Gateway::parse(&row.gateway).ok_or_else(|| Error::internal("a canary of no gateway"))?;
    match CanaryState::parse(&row.state) {
        Some(CanaryState::Arrived) => end(tx, &row.key, CanaryState::Cancelled, None).await?,
        Some(CanaryState::Sent) => lose(tx, &row.key, gateway, "it has not come").await?,
        _ => {}
    }
    Ok(Next::Done)
}

/// What has ended long ago.
async fn forget_old(tx: &Tx) -> Result<()> {
    canary::Entity::delete_many()
        .filter(canary::Column::SentAt.lt(tx.now - KEPT_FOR))
        .filter(canary::Column::EndedAt.is_not_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}
