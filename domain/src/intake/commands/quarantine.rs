//! Keeping what does not pass, releasing it, and saying that it is nothing.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder as _, QuerySelect, Select,
};
use serde::{Deserialize, Serialize};

use super::super::decide::check;
use super::super::model::{
    DismissQuarantined, Gateway, HELD_BYTES_MAX, HELD_BYTES_OF_SOURCE_MAX, HELD_MAX, HELD_OF_SOURCE_MAX, IntakeEvent,
    RELEASE_MAX, Raw, Reason, Received, ReleaseQuarantined, Released, Told,
};
use super::super::store::{held, quarantined_payload, quarantined_submission};
use super::super::{queries, react};
use super::{Take, chance, secrets, sender, watch};
use crate::credentials::model::Parts;
use crate::event::Event;
use crate::kernel::{
    Actor, Code, Error, Refusal, Result, SubmissionId, TicketId, Timestamp, days, hours, minutes, refuse,
};
use crate::notifications;
use crate::runtime::jobs::{self, Job, Next, Outcome, Prepared};
use crate::runtime::{App, Command, Ctx, Tx, Vault};
use crate::tickets;

const PURPOSE: &str = "quarantine";
/// Submissions that are looked up at once, where all are released.
const RELEASE_PAGE: u64 = 100;

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    raw: Raw,
    /// The secrets by which it has passed already, where only what it names was not known: they may have ended when it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passed: Vec<BTreeMap<String, String>>,
}

/// How many are held, and their bytes.
async fn room(conn: &impl ConnectionTrait, of: Select<quarantined_submission::Entity>) -> Result<(u64, u64)> {
    let (count, bytes): (i64, Option<i64>) = of
        .select_only()
        .column_as(quarantined_submission::Column::Id.count(), "held")
        .column_as(Expr::cust("cast(sum(bytes) as bigint)"), "bytes")
        .into_tuple()
        .one(conn)
        .await?
        .unwrap_or_default();
    Ok((u64::try_from(count).unwrap_or(0), bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)))
}

/// Keeps what did not pass, as long as there is room for it. `passed`: by which secrets it did, where it was refused afterwards.
pub(super) async fn keep(cx: &Ctx, raw: &Raw, reason: Reason, passed: &[Parts]) -> Result<Received> {
    let gateway = raw.gateway;
    if watch::fails(cx, raw, reason).await? {
        return Ok(Received::Unverified(reason));
    }
    let of_source = held(gateway).filter(quarantined_submission::Column::Source.eq(&raw.source));
    let (of_source, of_gateway) = (room(cx.read(), of_source).await?, room(cx.read(), held(gateway)).await?);
    // Nearly: those who come at the same moment may be a few more.
    let is_full = of_source.0 >= HELD_OF_SOURCE_MAX
        || of_source.1 >= HELD_BYTES_OF_SOURCE_MAX
        || of_gateway.0 >= HELD_MAX
        || of_gateway.1 >= HELD_BYTES_MAX;
    if is_full {
        // Once an hour: whoever knocks writes nothing.
        let (told, hour) = (cx.app.state::<Told>(), hour(raw.at));
        if !told.knows(gateway, hour) {
            let mut tx = cx.begin().await?;
            tx.record(Event::Intake(IntakeEvent::Full { gateway })).await?;
            tx.commit().await?;
            told.note(gateway, hour);
        }
        return Ok(Received::Later);
    }
    let kept = Kept { raw: raw.clone(), passed: passed.iter().map(|parts| parts.0.clone()).collect() };
    let plain = serde_json::to_vec(&kept).map_err(Error::internal)?;
    let sealed = cx.app.state::<Vault>().seal(PURPOSE, &plain, &*cx.app.chance);
    let mut tx = cx.begin().await?;
    let id = SubmissionId(tx.new_uuid());
    let row = quarantined_submission::ActiveModel {
        id: Set(id),
        gateway: Set(gateway.word().to_owned()),
        source: Set(raw.source.clone()),
        reason: Set(reason.word().to_owned()),
        received_at: Set(raw.at),
        bytes: Set(i64::try_from(sealed.len()).unwrap_or(i64::MAX)),
        released_at: Set(None),
        ticket_id: Set(None),
        dismissed_at: Set(None),
        writer: Set(None),
        telling_at: Set(None),
    };
    quarantined_submission::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    let payload = quarantined_payload::ActiveModel { submission_id: Set(id), sealed: Set(sealed) };
    quarantined_payload::Entity::insert(payload).exec_without_returning(tx.conn()).await?;
    tx.record(Event::Intake(IntakeEvent::Quarantined { submission: id, gateway, reason })).await?;
    tx.commit().await?;
    Ok(Received::Quarantined(id, reason))
}

fn not_held() -> Refusal {
    refuse(
        Code::NotFound,
        "submissionId",
        "No submission of this id is held: it was released or dismissed already, or never failed.",
        "没有该待处理的提交：可能已放行或驳回，或从未被隔离。",
    )
}

/// Characters of a body that are shown.
const SHOWN_CHARS_MAX: usize = 20_000;

async fn unsealed(app: &App, conn: &impl ConnectionTrait, id: SubmissionId) -> Result<Option<Kept>> {
    let payload = quarantined_payload::Entity::find_by_id(id).one(conn).await?;
    let Some(quarantined_payload::Model { sealed, .. }) = payload else { return Ok(None) };
    let plain = app.state::<Vault>().unseal(PURPOSE, &sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// What a submission says that was not released, so that nobody dismisses it unseen: for administrators.
pub async fn body(cx: &Ctx, id: SubmissionId) -> Result<Option<String>> {
    queries::administrators_only(cx)?;
    let kept = unsealed(&cx.app, cx.read(), id).await?;
    Ok(kept.map(|kept| String::from_utf8_lossy(&kept.raw.body).chars().take(SHOWN_CHARS_MAX).collect()))
}

/// Checks a held request once more, as of the time when it came.
async fn release(tx: &mut Tx, row: quarantined_submission::Model) -> Result<Option<TicketId>> {
    let Kept { raw, passed } = unsealed(&tx.cx.app, tx.conn(), row.id).await?.ok_or_else(not_held)?;
    let gateway = raw.gateway;
    let mut secrets = secrets(&tx.cx.app, tx.conn(), gateway).await?;
    secrets.extend(passed.into_iter().map(Parts));
    let said = check(&secrets, &raw, &chance(tx.app())).map_err(|reason| {
        let reason = reason.word();
        refuse(
            Code::Invalid,
            "submissionId",
            format!("It still fails its check ({reason}): mend the credential {} first.", gateway.word()),
            format!("校验仍未通过（{reason}），请先修复凭据 {}。", gateway.word()),
        )
    })?;
    let writer = said.message.as_ref().and_then(|message| message.sender.clone());
    let ticket = match said.message {
        Some(message) => {
            // As the gateway would have made it.
            let as_gateway = Ctx { actor: Actor::System, channel: gateway.word(), ..tx.cx.clone() };
            let before = std::mem::replace(&mut tx.cx, as_gateway);
            let take = Take { gateway, sender: sender(&raw, &message), message, at: raw.at };
            let taken = take.run(tx).await;
            tx.cx = before;
            taken?
        }
        None => None,
    };
    quarantined_submission::Entity::update_many()
        .col_expr(quarantined_submission::Column::ReleasedAt, Expr::value(tx.now))
        .col_expr(quarantined_submission::Column::TicketId, Expr::value(ticket.map(|id| id.0)))
        .col_expr(quarantined_submission::Column::Writer, Expr::value(stranger(tx, gateway, ticket, writer).await?))
        .filter(quarantined_submission::Column::Id.eq(row.id))
        .exec(tx.conn())
        .await?;
    quarantined_payload::Entity::delete_by_id(row.id).exec(tx.conn()).await?;
    let held_secs = tx.now.seconds_since(raw.at);
    tx.record(Event::Intake(IntakeEvent::Released { submission: row.id, gateway, ticket, held_secs })).await?;
    Ok(ticket)
}

/// The address of a writer whom only the gateway's channel knows; they hear of the release by it.
async fn stranger(
    tx: &mut Tx,
    gateway: Gateway,
    ticket: Option<TicketId>,
    writer: Option<String>,
) -> Result<Option<String>> {
    let (Some(channel), Some(ticket), Some(writer)) = (gateway.channel(), ticket, writer) else { return Ok(None) };
    let found = tickets::queries::by_ids(tx.conn(), &[ticket]).await?.remove(&ticket);
    if found.is_none_or(|ticket| ticket.requester.is_some()) {
        return Ok(None);
    }
    let now = tx.now;
    jobs::plant_in_lane(tx, channel.lane(), &[(react::TELL, &ticket.to_string(), now)]).await?;
    Ok(Some(writer))
}

/// The first half of telling them.
pub async fn prepare_telling(tx: &mut Tx, job: &Job) -> Result<Prepared> {
    let Some(row) = released_of(tx, job).await? else { return Ok(Prepared::Ended(Next::Done)) };
    let channel = Gateway::parse(&row.gateway).and_then(Gateway::channel);
    let (Some(channel), Some(writer), Some(ticket)) = (channel, row.writer, row.ticket_id) else {
        return Ok(Prepared::Ended(Next::Done));
    };
    let held_secs = row.released_at.unwrap_or(tx.now).seconds_since(row.received_at);
    let repeated = row.telling_at.is_some();
    let telling = notifications::commands::tell_released(tx, channel, &writer, ticket, held_secs, repeated).await?;
    note_telling(tx, row.id, Some(tx.now)).await?;
    Ok(telling.map_or(Prepared::Ended(Next::Done), Prepared::Send))
}

/// The second half: what cannot be sent now is tried again for a day.
pub async fn settle_telling(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let after = match outcome {
        Outcome::Later { after, .. } => after,
        Outcome::Refused { why } | Outcome::Denied { why } | Outcome::Unknown { why } => {
            tracing::warn!(ticket = job.subject, why, "a writer may not have heard that their request was released");
            return Ok(Next::Done);
        }
        Outcome::Sent { .. } | Outcome::Found(_) => return Ok(Next::Done),
    };
    let Some(row) = released_of(tx, job).await? else { return Ok(Next::Done) };
    // It has not left: the next is no repetition.
    note_telling(tx, row.id, None).await?;
    let goes_on = row.released_at.is_some_and(|at| tx.now < at + days(1));
    Ok(if goes_on { Next::At(tx.now + after.max(minutes(1))) } else { Next::Done })
}

async fn note_telling(tx: &Tx, id: SubmissionId, at: Option<Timestamp>) -> Result<()> {
    quarantined_submission::Entity::update_many()
        .col_expr(quarantined_submission::Column::TellingAt, Expr::value(at))
        .filter(quarantined_submission::Column::Id.eq(id))
        .exec(tx.conn())
        .await?;
    Ok(())
}

async fn released_of(tx: &Tx, job: &Job) -> Result<Option<quarantined_submission::Model>> {
    let ticket: TicketId = job.subject.parse().map_err(|_| Error::internal("a job of no ticket"))?;
    let rows = quarantined_submission::Entity::find()
        .filter(quarantined_submission::Column::TicketId.eq(ticket))
        .filter(quarantined_submission::Column::Writer.is_not_null());
    Ok(rows.limit(1).one(tx.conn()).await?)
}

impl Command for ReleaseQuarantined {
    const NAME: &'static str = "releaseQuarantined";
    type Output = Option<TicketId>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<TicketId>> {
        tx.actor().require_admin()?;
        let row = quarantined_submission::Entity::find_by_id(self.submission).one(tx.conn()).await?;
        let row = row.filter(|row| row.released_at.is_none() && row.dismissed_at.is_none());
        release(tx, row.ok_or_else(not_held)?).await
    }
}

/// Releases what a gateway holds, oldest first, each by itself: what still fails is stepped over, and holds nothing up.
pub async fn release_gateway(cx: &Ctx, gateway: Gateway) -> Result<Released> {
    cx.actor.require_admin()?;
    let (mut released, mut behind) = (Released::default(), None::<SubmissionId>);
    while released.released + released.kept < RELEASE_MAX {
        let mut page = held(gateway);
        if let Some(behind) = behind {
            page = page.filter(quarantined_submission::Column::Id.gt(behind));
        }
        let ids: Vec<SubmissionId> = page
            .select_only()
            .column(quarantined_submission::Column::Id)
            .order_by_asc(quarantined_submission::Column::Id)
            .limit(RELEASE_PAGE)
            .into_tuple()
            .all(cx.read())
            .await?;
        let Some(last) = ids.last() else { break };
        behind = Some(*last);
        for submission in ids {
            match cx.execute(&ReleaseQuarantined { submission }, None).await {
                Ok(_) => released.released += 1,
                Err(Error::Refused(_)) => released.kept += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(released)
}

impl Command for DismissQuarantined {
    const NAME: &'static str = "dismissQuarantined";
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.actor().require_admin()?;
        let (of, gateway) = match self {
            Self { submission: Some(id), of: None } => {
                let row = quarantined_submission::Entity::find_by_id(*id).one(tx.conn()).await?.ok_or_else(not_held)?;
                let gateway = Gateway::parse(&row.gateway).ok_or_else(not_held)?;
                (quarantined_submission::Column::Id.eq(*id), gateway)
            }
            Self { submission: None, of: Some((gateway, source)) } => {
                (quarantined_submission::Column::Source.eq(source), *gateway)
            }
            _ => {
                return Err(refuse(
                    Code::Required,
                    "submissionId",
                    "Say which: submissionId, or gateway and source.",
                    "请指定 submissionId，或同时指定 gateway 与 source。",
                )
                .into());
            }
        };
        let rows = quarantined_submission::Entity::update_many()
            .col_expr(quarantined_submission::Column::DismissedAt, Expr::value(tx.now))
            .filter(of)
            .filter(quarantined_submission::Column::Gateway.eq(gateway.word()))
            .filter(quarantined_submission::Column::ReleasedAt.is_null())
            .filter(quarantined_submission::Column::DismissedAt.is_null())
            .exec(tx.conn())
            .await?;
        let submissions = rows.rows_affected;
        if submissions == 0 {
            return Err(not_held().into());
        }
        let event = IntakeEvent::Dismissed { submission: self.submission, gateway, submissions };
        tx.record(Event::Intake(event)).await?;
        Ok(submissions)
    }
}

fn hour(at: Timestamp) -> i64 {
    at.millis() / i64::try_from(hours(1).as_millis()).unwrap_or(i64::MAX)
}

/// One alert of a gateway or a credential an hour.
pub fn alert_key(of: &str, what: &str, at: Timestamp) -> String {
    format!("intake:{of}:{what}:{}", hour(at))
}
