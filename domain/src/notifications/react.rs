//! Whom a ticket's event tells what.

use super::commands::tell;
use super::model::{Cause, Channel, Params, TOLD_MAX, Tell, Via};
use super::store;
use crate::calendar::model::Organisation;
use crate::kernel::{CardId, Message, Result, Role, TeamId, TicketId, UserId};
use crate::people;
use crate::runtime::Tx;
use crate::tickets;
use crate::tickets::model::{Fact, ParticipantReason, TicketEvent, Visibility};

/// A delivery that is to be sent; in the lane of its channel.
pub const SEND: &str = "notifications.send";
/// Whether the provider of a channel still knows our credential; in the lane of the channel.
pub const PROBE: &str = "notifications.probe";
/// A message on a page that may not have been seen.
pub const UNACKNOWLEDGED: &str = "notifications.unacknowledged";

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let me = tx.actor().user_id();
    let (cause, params, recipients) = match &event.fact {
        Fact::Assigned { .. } => {
            let before = event.before.as_ref().and_then(|before| before.assignee);
            (
                Cause::Assigned,
                Params::default(),
                event.after.assignee.filter(|to| Some(*to) != before).into_iter().collect(),
            )
        }
        Fact::Queued => (Cause::TeamQueue, Params::default(), supervisors(tx, event.after.team).await?),
        Fact::SlaRisk { metric } => {
            let params = Params { word: Some(metric.word().to_owned()), ..Params::default() };
            let recipients = match event.after.assignee {
                Some(assignee) => vec![assignee],
                None => supervisors(tx, event.after.team).await?,
            };
            (Cause::SlaRisk, params, recipients)
        }
        Fact::Commented { visibility: Visibility::Public, .. } => {
            let params = Params { about: me, ..Params::default() };
            let answered = tx.actor().is_staff() && me != event.after.requester;
            let to = if answered { event.after.requester } else { event.after.assignee };
            (Cause::Comment, params, to.into_iter().collect())
        }
        Fact::ParticipantAdded { user, reason: ParticipantReason::Mentioned } => {
            (Cause::Mention, Params { about: me, ..Params::default() }, vec![*user])
        }
        Fact::ReportPending { system, status, needs } => {
            let params = Params {
                word: Some(needs.word().to_owned()),
                name: Some(Message::new(
                    format!("{system} → {}", status.word()),
                    format!("{system} → {}", status.word()),
                )),
                ..Params::default()
            };
            let recipients = match event.after.assignee {
                Some(assignee) => vec![assignee],
                None => supervisors(tx, event.after.team).await?,
            };
            (Cause::PendingReport, params, recipients)
        }
        _ => return Ok(()),
    };
    let event_key = tx.new_uuid();
    let tells = recipients
        .into_iter()
        // Nobody is told what they did themselves.
        .filter(|recipient| Some(*recipient) != me)
        .map(|recipient| Tell {
            cause,
            cause_key: format!("event:{event_key}"),
            ticket: Some(event.ticket),
            recipient,
            via: Via::Preferred,
            params: params.clone(),
        })
        .collect();
    tell(tx, tells).await.map(drop)
}

/// Administrators hear of it: by the clock stands everything that is due.
pub async fn on_clock_jumped(tx: &mut Tx, seconds: i64) -> Result<()> {
    if seconds < 0 {
        // They would stay shut until the clock has come back to where it was.
        store::forget_buckets(tx.conn()).await?;
    }
    let params = Params { word: Some("CLOCK_JUMPED".to_owned()), count: Some(seconds), ..Params::default() };
    tell_administrators(tx, Cause::Credential, params).await
}

/// What came in by a gateway fails its check, or cannot be kept any more: administrators hear of it, and whoever owns the
/// credential; `key`: what names the alert, so that one comes for many.
pub async fn on_gateway_failing(
    tx: &mut Tx,
    gateway: &str,
    word: &str,
    key: &str,
    owner: Option<UserId>,
) -> Result<()> {
    let params =
        Params { word: Some(word.to_owned()), name: Some(Message::new(gateway, gateway)), ..Params::default() };
    let duty = people::queries::duty::duty(tx.app()).await?;
    let administrators = duty.agents.iter().filter(|agent| agent.is(Role::Admin)).take(TOLD_MAX);
    let mut told: Vec<UserId> = administrators.map(|administrator| administrator.id).chain(owner).collect();
    told.sort_unstable();
    told.dedup();
    let tells = told.into_iter().map(|recipient| Tell {
        cause: Cause::Credential,
        cause_key: key.to_owned(),
        ticket: None,
        recipient,
        via: Via::All(URGENT.to_vec()),
        params: params.clone(),
    });
    tell(tx, tells.collect()).await.map(drop)
}

/// A credential ends in so many days, or was changed: its owner hears of it by every way that they have; administrators, where the
/// owner is not here any more.
pub async fn on_credential(tx: &mut Tx, key: &str, word: &str, days: Option<i64>, owner: UserId) -> Result<()> {
    let params =
        Params { word: Some(word.to_owned()), name: Some(Message::new(key, key)), count: days, ..Params::default() };
    let is_here = people::queries::user(tx.conn(), owner).await?.is_some_and(|user| user.disabled_at.is_none());
    if !is_here {
        return tell_administrators(tx, Cause::Credential, params).await;
    }
    let event_key = tx.new_uuid();
    let told = Tell {
        cause: Cause::Credential,
        cause_key: format!("credential:{event_key}"),
        ticket: None,
        recipient: owner,
        via: Via::All(URGENT.to_vec()),
        params,
    };
    tell(tx, vec![told]).await.map(drop)
}

/// What somebody sent was held for so long, and is a ticket now: they hear of it, and of the delay.
pub async fn on_released(tx: &mut Tx, ticket: TicketId, held_secs: i64) -> Result<()> {
    let found = tickets::queries::by_ids(tx.conn(), &[ticket]).await?.remove(&ticket);
    let Some(requester) = found.and_then(|ticket| ticket.requester) else { return Ok(()) };
    let told = Tell {
        cause: Cause::Released,
        cause_key: format!("released:{ticket}"),
        ticket: Some(ticket),
        recipient: requester,
        via: Via::Preferred,
        params: Params { waited: Some(held_secs), ..Params::default() },
    };
    tell(tx, vec![told]).await.map(drop)
}

/// By what somebody is told who must hear of it, whatever they look at.
const URGENT: [Channel; 7] =
    [Channel::Web, Channel::Wecom, Channel::Dingtalk, Channel::Feishu, Channel::WebPush, Channel::Email, Channel::Sms];

/// The endpoint of a system has failed for too long: its corrections are dead letters now.
pub async fn on_system_disabled(tx: &mut Tx, key: &str) -> Result<()> {
    let (word, name) = (Some("SYSTEM_DISABLED".to_owned()), Some(Message::new(key, key)));
    tell_administrators(tx, Cause::Credential, Params { word, name, ..Params::default() }).await
}

/// A system used a word that its map does not know.
pub async fn on_unknown_word(tx: &mut Tx, key: &str, said: &str) -> Result<()> {
    let name = Some(Message::new(format!("{key}: {said}"), format!("{key}：{said}")));
    let params = Params { word: Some("UNKNOWN_WORD".to_owned()), name, ..Params::default() };
    tell_administrators(tx, Cause::Credential, params).await
}

/// The report of a month, such as `2026-10`, was made.
pub async fn on_report(tx: &mut Tx, month: &str) -> Result<()> {
    tell_administrators(tx, Cause::Knowledge, Params { month: Some(month.to_owned()), ..Params::default() }).await
}

async fn tell_administrators(tx: &mut Tx, cause: Cause, params: Params) -> Result<()> {
    let duty = people::queries::duty::duty(tx.app()).await?;
    let event_key = tx.new_uuid();
    let administrators = duty.agents.iter().filter(|agent| agent.is(Role::Admin)).take(TOLD_MAX);
    let tells = administrators.map(|administrator| Tell {
        cause,
        cause_key: format!("event:{event_key}"),
        ticket: None,
        recipient: administrator.id,
        via: Via::Preferred,
        params: params.clone(),
    });
    tell(tx, tells.collect()).await.map(drop)
}

/// Those who see to it that a ticket of this team finds somebody, or whoever stands in for them.
async fn supervisors(tx: &Tx, team: Option<TeamId>) -> Result<Vec<UserId>> {
    let duty = people::queries::duty::duty(tx.app()).await?;
    let zone = &tx.app().state::<Organisation>().zone;
    let mut all: Vec<UserId> =
        duty.supervisors(team).iter().map(|agent| duty.stand_in(agent.id, tx.now, zone)).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(TOLD_MAX);
    Ok(all)
}

/// A knowledge card was made of the tickets of a team: somebody is to review it.
pub async fn on_card_extracted(tx: &mut Tx, card: CardId, team: Option<TeamId>, cases: usize) -> Result<()> {
    let recipients = supervisors(tx, team).await?;
    let params = Params { count: i64::try_from(cases).ok(), card: Some(card), ..Params::default() };
    let tells = recipients.into_iter().map(|recipient| Tell {
        cause: Cause::Knowledge,
        cause_key: format!("card:{card}"),
        ticket: None,
        recipient,
        via: Via::Preferred,
        params: params.clone(),
    });
    tell(tx, tells.collect()).await.map(drop)
}

/// First-time resolution of a department or issue type stays low, and so many topics have no card.
/// Supervisors of the department hear of it; of an issue type, which is everybody's, administrators.
pub async fn on_knowledge_gap(tx: &mut Tx, name: Message, team: Option<TeamId>, topics: usize) -> Result<()> {
    let params = Params { name: Some(name), count: i64::try_from(topics).ok(), ..Params::default() };
    if team.is_none() {
        return tell_administrators(tx, Cause::Knowledge, params).await;
    }
    let recipients = supervisors(tx, team).await?;
    let key = tx.new_uuid();
    let tells = recipients.into_iter().map(|recipient| Tell {
        cause: Cause::Knowledge,
        cause_key: format!("gap:{key}"),
        ticket: None,
        recipient,
        via: Via::Preferred,
        params: params.clone(),
    });
    tell(tx, tells.collect()).await.map(drop)
}
