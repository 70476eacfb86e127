//! Receiving, keeping what does not pass, and releasing it.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder as _, QuerySelect,
};

use super::decide::check;
use super::model::{
    Gateway, HELD_MAX, HELD_OF_SOURCE_MAX, IntakeEvent, Message, More, RELEASE_MAX, Raw, Reason, Received,
    ReleaseGateway, ReleaseQuarantined, Released, Said,
};
use super::store::{quarantined_submission, submission};
use crate::credentials;
use crate::credentials::model::Parts;
use crate::event::Event;
use crate::kernel::{Actor, Code, Error, Refusal, Result, SubmissionId, TicketId, Timestamp, hours, refuse};
use crate::notifications;
use crate::runtime::{App, Command, Ctx, Tx, Vault};
use crate::tickets::model::{CreateTicket, Priority};

const PURPOSE: &str = "quarantine";

/// The secrets by which callers of a gateway are known now; none where its credential is of another kind.
async fn secrets(app: &App, conn: &impl sea_orm::ConnectionTrait, gateway: Gateway) -> Result<Vec<Parts>> {
    let found = credentials::queries::secrets(app, conn, gateway.word()).await?;
    Ok(found
        .filter(|(credential, _)| credential.kind == gateway.credential())
        .map(|(_, parts)| parts)
        .unwrap_or_default())
}

fn chance(app: &App) -> [u8; 16] {
    let mut bytes = [0; 16];
    app.chance.fill(&mut bytes);
    bytes
}

/// A request of another party: checked, and made a ticket, or kept.
pub async fn receive(cx: &Ctx, raw: &Raw) -> Result<Received> {
    let secrets = secrets(&cx.app, cx.read(), raw.gateway).await?;
    let cx = Ctx { actor: Actor::System, channel: raw.gateway.word(), ..cx.clone() };
    let Said { reply, message } = match check(&secrets, raw, &chance(&cx.app)) {
        Ok(said) => said,
        Err(reason) => return keep(&cx, raw, reason).await,
    };
    if let Some(message) = message {
        let take = Take { gateway: raw.gateway, message, at: raw.at };
        match cx.execute(&take, None).await {
            Ok(_) => {}
            // What it names is not known here: kept, and its sender hears why.
            Err(Error::Refused(refusals)) => {
                let said = refusals.into_iter().next().map(|refusal| refusal.message);
                return Ok(Received::Refused(said.unwrap_or_else(|| crate::kernel::Message::new("refused", "未受理"))));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Received::Answer(reply))
}

/// Makes a ticket of a message, once.
#[derive(serde::Serialize)]
struct Take {
    gateway: Gateway,
    #[serde(skip)]
    message: Message,
    at: Timestamp,
}

impl Command for Take {
    const NAME: &'static str = "receiveSubmission";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        take(tx, self.gateway, &self.message, self.at).await
    }
}

async fn take(tx: &mut Tx, gateway: Gateway, message: &Message, at: Timestamp) -> Result<TicketId> {
    let Message { external_id, sender, title, description, more } = message;
    let key = (gateway.word().to_owned(), external_id.clone());
    if let Some(known) = submission::Entity::find_by_id(key.clone()).one(tx.conn()).await? {
        return Ok(known.ticket_id);
    }
    let More { priority, issue_type, product, device, customer_key, requester_email, external_refs } = more.clone();
    let writer = match (gateway.channel(), sender) {
        (Some(channel), Some(sender)) => notifications::queries::reached_at(tx.conn(), channel, sender).await?,
        _ => None,
    };
    // Who is not known here is named in the ticket.
    let description = match sender {
        Some(sender) if writer.is_none() => format!("{description}\n\n({}: {sender})", gateway.word()),
        _ => description.clone(),
    };
    let command = CreateTicket {
        title: title.clone(),
        description,
        priority: priority.unwrap_or(Priority::Normal),
        issue_type,
        product,
        device,
        customer_key,
        requester_email: requester_email.or(writer),
        required_skills: Vec::new(),
        external_refs,
        at: Some(at),
    };
    let ticket = command.run(tx).await?;
    let row = submission::ActiveModel {
        gateway: Set(key.0),
        external_id: Set(key.1),
        ticket_id: Set(ticket),
        received_at: Set(at),
    };
    // The same at the same moment: theirs stands, and is found when this is tried again.
    let inserted = submission::Entity::insert(row)
        .on_conflict_do_nothing_on([submission::Column::Gateway, submission::Column::ExternalId])
        .exec_without_returning(tx.conn())
        .await?;
    match inserted {
        sea_orm::TryInsertResult::Inserted(1..) => Ok(ticket),
        _ => Err(Error::Conflict),
    }
}

/// Keeps what did not pass, as long as there is room for it.
async fn keep(cx: &Ctx, raw: &Raw, reason: Reason) -> Result<Received> {
    let mut tx = cx.begin().await?;
    let held = || {
        quarantined_submission::Entity::find()
            .filter(quarantined_submission::Column::Gateway.eq(raw.gateway.word()))
            .filter(quarantined_submission::Column::ReleasedAt.is_null())
    };
    let of_source = held().filter(quarantined_submission::Column::Source.eq(&raw.source)).count(tx.conn()).await?;
    if of_source >= HELD_OF_SOURCE_MAX || held().count(tx.conn()).await? >= HELD_MAX {
        tx.record(Event::Intake(IntakeEvent::Full { gateway: raw.gateway })).await?;
        tx.commit().await?;
        return Ok(Received::Full);
    }
    let id = SubmissionId(tx.new_uuid());
    let plain = serde_json::to_vec(raw).map_err(Error::internal)?;
    let row = quarantined_submission::ActiveModel {
        id: Set(id),
        gateway: Set(raw.gateway.word().to_owned()),
        source: Set(raw.source.clone()),
        reason: Set(reason.word().to_owned()),
        received_at: Set(raw.at),
        sealed: Set(Some(tx.app().state::<Vault>().seal(PURPOSE, &plain, &*tx.app().chance))),
        released_at: Set(None),
        ticket_id: Set(None),
    };
    quarantined_submission::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    tx.record(Event::Intake(IntakeEvent::Quarantined { submission: id, gateway: raw.gateway, reason })).await?;
    tx.commit().await?;
    Ok(Received::Quarantined(id, reason))
}

fn not_held() -> Refusal {
    refuse(
        Code::NotFound,
        "submissionId",
        "No submission of this id is held: it was released already, or never failed.",
        "没有该待处理的提交：可能已放行，或从未被隔离。",
    )
}

/// Checks a held request once more, as of the time when it came.
async fn release(tx: &mut Tx, row: quarantined_submission::Model) -> Result<Option<TicketId>> {
    let sealed = row.sealed.clone().ok_or_else(not_held)?;
    let plain = tx.app().state::<Vault>().unseal(PURPOSE, &sealed)?;
    let raw: Raw = serde_json::from_slice(&plain).map_err(Error::internal)?;
    let secrets = secrets(&tx.cx.app, tx.conn(), raw.gateway).await?;
    let said = check(&secrets, &raw, &chance(tx.app())).map_err(|reason| {
        let reason = reason.word();
        refuse(
            Code::Invalid,
            "submissionId",
            format!("It still fails its check ({reason}): mend the credential {} first.", raw.gateway.word()),
            format!("校验仍未通过（{reason}），请先修复凭据 {}。", raw.gateway.word()),
        )
    })?;
    let ticket = match &said.message {
        Some(message) => {
            // As the gateway would have made it.
            let as_gateway = Ctx { actor: Actor::System, channel: raw.gateway.word(), ..tx.cx.clone() };
            let before = std::mem::replace(&mut tx.cx, as_gateway);
            let taken = take(tx, raw.gateway, message, raw.at).await;
            tx.cx = before;
            Some(taken?)
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
    tx.record(Event::Intake(IntakeEvent::Released { submission: row.id, gateway: raw.gateway, ticket })).await?;
    Ok(ticket)
}

impl Command for ReleaseQuarantined {
    const NAME: &'static str = "releaseQuarantined";
    type Output = Option<TicketId>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<TicketId>> {
        tx.actor().require_admin()?;
        let row = quarantined_submission::Entity::find_by_id(self.submission).one(tx.conn()).await?;
        release(tx, row.filter(|row| row.released_at.is_none()).ok_or_else(not_held)?).await
    }
}

impl Command for ReleaseGateway {
    const NAME: &'static str = "releaseGateway";
    type Output = Released;

    async fn run(&self, tx: &mut Tx) -> Result<Released> {
        tx.actor().require_admin()?;
        let rows = quarantined_submission::Entity::find()
            .filter(quarantined_submission::Column::Gateway.eq(self.gateway.word()))
            .filter(quarantined_submission::Column::ReleasedAt.is_null())
            .order_by_asc(quarantined_submission::Column::Id)
            .limit(RELEASE_MAX)
            .all(tx.conn())
            .await?;
        let mut released = Released { released: 0, kept: 0 };
        for row in rows {
            match release(tx, row).await {
                Ok(_) => released.released += 1,
                Err(Error::Refused(_)) => released.kept += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(released)
    }
}

/// One alert of a gateway an hour.
pub fn alert_key(gateway: Gateway, what: &str, at: Timestamp) -> String {
    let hour = at.millis() / i64::try_from(hours(1).as_millis()).unwrap_or(i64::MAX);
    format!("intake:{}:{what}:{hour}", gateway.word())
}
