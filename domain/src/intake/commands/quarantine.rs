//! Keeping what does not pass, releasing it, and saying that it is nothing.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder as _,
    QuerySelect,
};

use super::super::decide::check;
use super::super::model::{
    BODY_BYTES_MAX, DismissQuarantined, Gateway, HELD_MAX, HELD_OF_SOURCE_MAX, IntakeEvent, RELEASE_MAX, Raw, Reason,
    Received, ReleaseGateway, ReleaseQuarantined, Released, Told,
};
use super::super::store::{held, quarantined_submission};
use super::{Take, chance, secrets, sender};
use crate::event::Event;
use crate::kernel::{Actor, Code, Error, Refusal, Result, SubmissionId, TicketId, Timestamp, hours, refuse};
use crate::runtime::{Command, Ctx, Tx, Vault};

const PURPOSE: &str = "quarantine";

/// Keeps what did not pass, as long as there is room for it.
pub(super) async fn keep(cx: &Ctx, raw: &Raw, reason: Reason) -> Result<Received> {
    let gateway = raw.gateway;
    let of_source = held(gateway).filter(quarantined_submission::Column::Source.eq(&raw.source));
    // Nearly: those who come at the same moment may be a few more.
    if of_source.count(cx.read()).await? >= HELD_OF_SOURCE_MAX || held(gateway).count(cx.read()).await? >= HELD_MAX {
        // Once an hour: whoever knocks writes nothing.
        if cx.app.state::<Told>().is_first(gateway, "FULL", hour(raw.at)) {
            let mut tx = cx.begin().await?;
            tx.record(Event::Intake(IntakeEvent::Full { gateway })).await?;
            tx.commit().await?;
        }
        return Ok(Received::Later);
    }
    let mut raw = raw.clone();
    // Of a mail its beginning: what is attached stands at its end.
    raw.body.truncate(BODY_BYTES_MAX);
    let plain = serde_json::to_vec(&raw).map_err(Error::internal)?;
    let sealed = cx.app.state::<Vault>().seal(PURPOSE, &plain, &*cx.app.chance);
    let mut tx = cx.begin().await?;
    let id = SubmissionId(tx.new_uuid());
    let row = quarantined_submission::ActiveModel {
        id: Set(id),
        gateway: Set(gateway.word().to_owned()),
        source: Set(raw.source),
        reason: Set(reason.word().to_owned()),
        received_at: Set(raw.at),
        sealed: Set(Some(sealed)),
        released_at: Set(None),
        ticket_id: Set(None),
        dismissed_at: Set(None),
    };
    quarantined_submission::Entity::insert(row).exec_without_returning(tx.conn()).await?;
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

/// Checks a held request once more, as of the time when it came.
async fn release(tx: &mut Tx, row: quarantined_submission::Model) -> Result<Option<TicketId>> {
    let sealed = row.sealed.clone().ok_or_else(not_held)?;
    let plain = tx.app().state::<Vault>().unseal(PURPOSE, &sealed)?;
    let raw: Raw = serde_json::from_slice(&plain).map_err(Error::internal)?;
    let gateway = raw.gateway;
    let secrets = secrets(&tx.cx.app, tx.conn(), gateway).await?;
    let said = check(&secrets, &raw, &chance(tx.app())).map_err(|reason| {
        let reason = reason.word();
        refuse(
            Code::Invalid,
            "submissionId",
            format!("It still fails its check ({reason}): mend the credential {} first.", gateway.word()),
            format!("校验仍未通过（{reason}），请先修复凭据 {}。", gateway.word()),
        )
    })?;
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
        .col_expr(quarantined_submission::Column::Sealed, Expr::value(Option::<Vec<u8>>::None))
        .filter(quarantined_submission::Column::Id.eq(row.id))
        .exec(tx.conn())
        .await?;
    let held_secs = tx.now.seconds_since(raw.at);
    tx.record(Event::Intake(IntakeEvent::Released { submission: row.id, gateway, ticket, held_secs })).await?;
    Ok(ticket)
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

impl Command for ReleaseGateway {
    const NAME: &'static str = "releaseGateway";
    type Output = Released;

    async fn run(&self, tx: &mut Tx) -> Result<Released> {
        tx.actor().require_admin()?;
        let mut released = Released { released: 0, kept: 0 };
        let mut behind: Option<SubmissionId> = None;
        // What still fails is stepped over: forged ones hold nothing up.
        loop {
            let mut page = held(self.gateway);
            if let Some(behind) = behind {
                page = page.filter(quarantined_submission::Column::Id.gt(behind));
            }
            let page = page.order_by_asc(quarantined_submission::Column::Id).limit(RELEASE_MAX).all(tx.conn()).await?;
            let Some(last) = page.last() else { return Ok(released) };
            behind = Some(last.id);
            for row in page {
                if released.released >= RELEASE_MAX {
                    return Ok(released);
                }
                match release(tx, row).await {
                    Ok(_) => released.released += 1,
                    // Whatever refuses does so before it writes.
                    Err(Error::Refused(_)) => released.kept += 1,
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

impl Command for DismissQuarantined {
    const NAME: &'static str = "dismissQuarantined";
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.actor().require_admin()?;
        let of = match self {
            Self { submission: Some(id), of: None } => Condition::all().add(quarantined_submission::Column::Id.eq(*id)),
            Self { submission: None, of: Some((gateway, source)) } => Condition::all()
                .add(quarantined_submission::Column::Gateway.eq(gateway.word()))
                .add(quarantined_submission::Column::Source.eq(source)),
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
            .filter(quarantined_submission::Column::ReleasedAt.is_null())
            .filter(quarantined_submission::Column::DismissedAt.is_null())
            .exec_with_returning(tx.conn())
            .await?;
        let first = rows.first().ok_or_else(not_held)?;
        let gateway = Gateway::parse(&first.gateway).ok_or_else(not_held)?;
        let submissions = rows.len() as u64;
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
