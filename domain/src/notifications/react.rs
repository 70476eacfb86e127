//! Which events notify whom.

use super::commands::notify;
use super::decide::audience::{Happening, Person, RULES, Way, happening};
use super::model::{
    Cause, Channel, ChannelAnswer, FINAL, KnowledgeGap, NotificationRequest, PROVISIONAL, Params, RECIPIENTS_MAX,
    SMALL_SAMPLE, Via,
};
use super::store;
use crate::calendar::model::Organisation;
use crate::credentials::model::CredentialEvent;
use crate::kernel::{Actor, CardId, Message, Result, Role, TeamId, TicketId, UserId, boxed, minutes};
use crate::runtime::{AnyEvent, ClockJumped, Tx};
use crate::tickets;
use crate::tickets::model::{Fact, SlaMetric, Snapshot, Ticket, TicketEvent};
use crate::{credentials, people};

/// A ticket that was made so long after its request came out of the quarantine.
const BACKDATED_BY: std::time::Duration = minutes(1);

/// Tells everybody whom the table names, each once.
async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let me = tx.actor().user_id();
    let by_staff = *tx.actor() == Actor::System || (tx.actor().is_staff() && me != event.after.requester);
    let Ok(happening) = happening(event, by_staff) else { return Ok(()) };
    if happening == Happening::Created && event.after.requester.is_some_and(|to| Some(to) != me) {
        let ticket = tickets::queries::by_ids(tx.conn(), &[event.ticket]).await?.remove(&event.ticket);
        // A request that was quarantined: its release is told, with the delay.
        if ticket.is_some_and(|ticket| ticket.times.created_at < tx.now - BACKDATED_BY) {
            return Ok(());
        }
    }
    let params = params_of(event, me);
    let event_key = tx.new_uuid();
    let mut told: Vec<UserId> = me.into_iter().collect();
    let mut requests = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.of == happening) {
        for recipient in persons(tx, rule.who, event).await? {
            if told.contains(&recipient) {
                continue;
            }
            told.push(recipient);
            requests.push(NotificationRequest {
                cause: rule.cause,
                cause_key: format!("event:{event_key}"),
                ticket: Some(event.ticket),
                recipient,
                via: match rule.way {
                    Way::Preferred => Via::Preferred,
                    Way::App => Via::App,
                },
                params: params.clone(),
            });
        }
    }
    notify(tx, requests).await.map(drop)
}

fn params_of(event: &TicketEvent, me: Option<UserId>) -> Params {
    let by = Params { about: me, word: Some(event.fact.kind().to_owned()), ..Params::default() };
    match &event.fact {
        Fact::Commented { comment, .. } => Params { comment: Some(*comment), ..by },
        Fact::Reopened { comment } => Params { comment: *comment, ..by },
        Fact::ReportPending { system, status, needs } => {
            let name = format!("{system} → {}", status.as_str());
            Params {
                word: Some(needs.as_str().to_owned()),
                name: Some(Message::literal(name.clone(), name)),
                ..Params::default()
            }
        }
        _ => by,
    }
}

/// Who a row of the table means for this event.
async fn persons(tx: &Tx, who: Person, event: &TicketEvent) -> Result<Vec<UserId>> {
    let TicketEvent { before, after, .. } = event;
    Ok(match who {
        // Whoever accepts what they were assigned changes nothing for the requester.
        Person::Requester
            if matches!(event.fact, Fact::Accepted)
                && before.as_ref().is_none_or(|before| before.assignee == after.assignee) =>
        {
            Vec::new()
        }
        Person::Requester => match after.requester {
            Some(requester) => enabled(tx, requester).await?.into_iter().collect(),
            None => Vec::new(),
        },
        Person::Responsible => responsible(tx, after).await?,
        Person::FormerAssignee => before
            .as_ref()
            .and_then(|before| before.assignee)
            .filter(|former| after.assignee != Some(*former))
            .into_iter()
            .collect(),
        Person::Followers => {
            let mut followers = tickets::queries::followers_of(tx.conn(), event.ticket).await?;
            followers.truncate(RECIPIENTS_MAX);
            followers
        }
        Person::Mentioned => match &event.fact {
            Fact::ParticipantAdded { user, .. } => vec![*user],
            _ => Vec::new(),
        },
    })
}

async fn enabled(tx: &Tx, user: UserId) -> Result<Option<UserId>> {
    // Not from the cache: a contact may have been created in this transaction.
    let found = people::queries::user(tx.conn(), user).await?;
    Ok(found.filter(|user| user.disabled_at.is_none()).map(|user| user.id))
}

/// No agent was eligible for a ticket: notifies the supervisors of its team.
pub async fn on_queued(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    let recipients = supervisors(tx, ticket.assignment.team).await?;
    notify_others(tx, ticket.id, Cause::TeamQueue, Params::default(), recipients).await
}

/// Most of the target of an SLA clock has elapsed.
pub async fn on_sla_risk(tx: &mut Tx, ticket: &Ticket, metric: SlaMetric) -> Result<()> {
    let params = Params { word: Some(metric.as_str().to_owned()), ..Params::default() };
    let recipients = responsible(tx, &ticket.snapshot()).await?;
    notify_others(tx, ticket.id, Cause::SlaRisk, params, recipients).await
}

/// The target of an SLA clock was missed: tells whoever is responsible, and who leads them.
pub async fn on_sla_breach(tx: &mut Tx, ticket: &Ticket, metric: SlaMetric) -> Result<()> {
    let params = Params { word: Some(metric.as_str().to_owned()), ..Params::default() };
    let mut recipients = responsible(tx, &ticket.snapshot()).await?;
    recipients.extend(leaders(tx, ticket).await?);
    recipients.sort_unstable();
    recipients.dedup();
    notify_others(tx, ticket.id, Cause::SlaBreached, params, recipients).await
}

/// The direct supervisor of the assignee, or else the supervisors of the team.
async fn leaders(tx: &Tx, ticket: &Ticket) -> Result<Vec<UserId>> {
    let availability = people::queries::availability::current(tx.app()).await?;
    let direct =
        ticket.assignment.assignee.and_then(|user| availability.agent(user)).and_then(|agent| agent.supervisor);
    match direct.filter(|supervisor| availability.agent(*supervisor).is_some()) {
        Some(supervisor) => people::queries::availability::acts_for(tx.app(), supervisor, tx.now).await,
        None => supervisors(tx, ticket.assignment.team).await,
    }
}

/// Somebody with open tickets is absent or has left: tells whoever leads them which tickets went to whom. What nobody could take is
/// told once.
pub async fn on_owner_gone(tx: &mut Tx, owner: UserId, tickets: &[(i64, Option<UserId>)]) -> Result<()> {
    let moved: Vec<UserId> = tickets.iter().filter_map(|(_, to)| *to).collect();
    let users = people::queries::cached_users(tx.app(), moved.iter().copied().chain([owner]).collect()).await?;
    let (supervisor, team) =
        users.get(&owner).map_or((None, None), |user| (user.supervisor, user.teams.first().copied()));
    let leads = match supervisor {
        Some(supervisor) => people::queries::availability::acts_for(tx.app(), supervisor, tx.now).await?,
        None => supervisors(tx, team).await?,
    };
    let line = |(number, to): &(i64, Option<UserId>)| match to.and_then(|to| users.get(&to)) {
        Some(user) => format!("#{number} → {}", user.name),
        None => format!("#{number} → –"),
    };
    let list = tickets.iter().map(line).collect::<Vec<_>>().join(", ");
    let key = if moved.is_empty() {
        let numbers = tickets.iter().map(|(number, _)| number.to_string()).collect::<Vec<_>>().join(",");
        format!("gone:{owner}:{numbers}")
    } else {
        format!("gone:{owner}:{}", tx.new_uuid())
    };
    let params = Params {
        about: Some(owner),
        count: i64::try_from(tickets.len()).ok(),
        name: Some(Message::literal(list.clone(), list)),
        ..Params::default()
    };
    let requests = leads.into_iter().filter(|lead| *lead != owner).map(|recipient| NotificationRequest {
        cause: Cause::OwnerGone,
        cause_key: key.clone(),
        ticket: None,
        recipient,
        via: Via::Preferred,
        params: params.clone(),
    });
    notify(tx, requests.collect()).await.map(drop)
}

/// The answer to what an engineer wrote by a channel, by that channel.
pub async fn on_channel_answer(
    tx: &mut Tx,
    writer: UserId,
    channel: Channel,
    ticket: Option<TicketId>,
    answer: ChannelAnswer,
) -> Result<()> {
    let key = tx.new_uuid();
    let request = NotificationRequest {
        cause: Cause::ChannelAnswer,
        cause_key: format!("answer:{key}"),
        ticket,
        recipient: writer,
        via: Via::All(vec![channel]),
        params: Params { word: Some(answer.as_str().to_owned()), ..Params::default() },
    };
    notify(tx, vec![request]).await.map(drop)
}

/// A message of a requester asked again or reopened their ticket: they hear that it was heard.
pub async fn on_thread_continued(tx: &mut Tx, ticket: TicketId, writer: UserId, reopened: bool) -> Result<()> {
    let key = tx.new_uuid();
    let request = NotificationRequest {
        cause: if reopened { Cause::Reopened } else { Cause::ChaseAnswer },
        cause_key: format!("answer:{key}"),
        ticket: Some(ticket),
        recipient: writer,
        via: Via::Preferred,
        params: Params::default(),
    };
    notify(tx, vec![request]).await.map(drop)
}

/// Whoever acts for the assignee; without one, the supervisors of the team.
async fn responsible(tx: &Tx, ticket: &Snapshot) -> Result<Vec<UserId>> {
    match ticket.assignee {
        Some(assignee) => people::queries::availability::acts_for(tx.app(), assignee, tx.now).await,
        None => supervisors(tx, ticket.team).await,
    }
}

/// Notifies the recipients about a ticket, except the actor: nobody is notified of their own action.
async fn notify_others(
    tx: &mut Tx,
    ticket: TicketId,
    cause: Cause,
    params: Params,
    recipients: Vec<UserId>,
) -> Result<()> {
    let me = tx.actor().user_id();
    let event_key = tx.new_uuid();
    let requests = recipients
        .into_iter()
        .filter(|recipient| Some(*recipient) != me)
        .map(|recipient| NotificationRequest {
            cause,
            cause_key: format!("event:{event_key}"),
            ticket: Some(ticket),
            recipient,
            via: Via::Preferred,
            params: params.clone(),
        })
        .collect();
    notify(tx, requests).await.map(drop)
}

/// Notifies administrators, because every due time depends on the clock.
async fn on_clock_jumped(tx: &mut Tx, seconds: i64) -> Result<()> {
    if seconds < 0 {
        // Otherwise they would stay blocked until the clock reaches its former time.
        store::delete_send_windows(tx.conn()).await?;
    }
    let params = Params { word: Some("CLOCK_JUMPED".to_owned()), count: Some(seconds), ..Params::default() };
    notify_administrators(tx, Cause::Credential, params).await
}

/// Submissions of a gateway fail their check or cannot be stored: notifies administrators and the owner of the credential.
/// `key` identifies the alert, so that many failures cause one notification.
pub async fn on_gateway_failing(
    tx: &mut Tx,
    gateway: &str,
    code: &str,
    key: &str,
    owner: Option<UserId>,
) -> Result<()> {
    let params =
        Params { word: Some(code.to_owned()), name: Some(Message::literal(gateway, gateway)), ..Params::default() };
    let availability = people::queries::availability::current(tx.app()).await?;
    let administrators = availability.agents.iter().filter(|agent| agent.is(Role::Admin)).take(RECIPIENTS_MAX);
    let mut recipients: Vec<UserId> = administrators.map(|administrator| administrator.id).chain(owner).collect();
    recipients.sort_unstable();
    recipients.dedup();
    let requests = recipients.into_iter().map(|recipient| NotificationRequest {
        cause: Cause::Credential,
        cause_key: key.to_owned(),
        ticket: None,
        recipient,
        via: Via::All(Channel::ALL.to_vec()),
        params: params.clone(),
    });
    notify(tx, requests.collect()).await.map(drop)
}

/// A credential expires in `days` days or was changed: notifies its owner on every channel, or administrators if the owner is
/// disabled.
async fn on_credential(tx: &mut Tx, key: &str, code: &str, days: Option<i64>, owner: UserId) -> Result<()> {
    let params = Params {
        word: Some(code.to_owned()),
        name: Some(Message::literal(key, key)),
        count: days,
        ..Params::default()
    };
    let is_enabled = people::queries::user(tx.conn(), owner).await?.is_some_and(|user| user.disabled_at.is_none());
    if !is_enabled {
        return notify_administrators(tx, Cause::Credential, params).await;
    }
    let event_key = tx.new_uuid();
    let request = NotificationRequest {
        cause: Cause::Credential,
        cause_key: format!("credential:{event_key}"),
        ticket: None,
        recipient: owner,
        via: Via::All(Channel::ALL.to_vec()),
        params,
    };
    notify(tx, vec![request]).await.map(drop)
}

/// Somebody else proved that an address of this user is theirs: tells the former holder, by another channel.
pub async fn on_address_taken(tx: &mut Tx, holder: UserId, channel: Channel) -> Result<()> {
    let event_key = tx.new_uuid();
    let request = NotificationRequest {
        cause: Cause::ContactMethod,
        cause_key: format!("event:{event_key}"),
        ticket: None,
        recipient: holder,
        via: Via::Preferred,
        params: Params { word: Some(channel.as_str().to_owned()), ..Params::default() },
    };
    notify(tx, vec![request]).await.map(drop)
}

/// A quarantined submission was released as a ticket: notifies the requester, with the delay.
pub async fn on_released(tx: &mut Tx, ticket: TicketId, held_secs: i64) -> Result<()> {
    let found = tickets::queries::by_ids(tx.conn(), &[ticket]).await?.remove(&ticket);
    let Some(requester) = found.and_then(|ticket| ticket.request.requester) else { return Ok(()) };
    let request = NotificationRequest {
        cause: Cause::Released,
        cause_key: format!("released:{ticket}"),
        ticket: Some(ticket),
        recipient: requester,
        via: Via::Preferred,
        params: Params { waited: Some(held_secs), ..Params::default() },
    };
    notify(tx, vec![request]).await.map(drop)
}

/// The webhook of a system failed for too long, so the system was disabled.
pub async fn on_system_disabled(tx: &mut Tx, key: &str) -> Result<()> {
    let (word, name) = (Some("SYSTEM_DISABLED".to_owned()), Some(Message::literal(key, key)));
    notify_administrators(tx, Cause::Credential, Params { word, name, ..Params::default() }).await
}

/// A system reported a status that its status map does not contain.
pub async fn on_unknown_status(tx: &mut Tx, key: &str, status: &str) -> Result<()> {
    let name = Some(Message::literal(format!("{key}: {status}"), format!("{key}：{status}")));
    let params = Params { word: Some("UNKNOWN_WORD".to_owned()), name, ..Params::default() };
    notify_administrators(tx, Cause::Credential, params).await
}

/// The report of a month, such as `2026-10`, was created: the first one, or the final one.
pub async fn on_report(tx: &mut Tx, month: &str, is_final: bool) -> Result<()> {
    let word = Some(if is_final { FINAL } else { PROVISIONAL }.to_owned());
    let params = Params { month: Some(month.to_owned()), word, ..Params::default() };
    notify_administrators(tx, Cause::Knowledge, params).await
}

async fn notify_administrators(tx: &mut Tx, cause: Cause, params: Params) -> Result<()> {
    let availability = people::queries::availability::current(tx.app()).await?;
    let event_key = tx.new_uuid();
    let administrators = availability.agents.iter().filter(|agent| agent.is(Role::Admin)).take(RECIPIENTS_MAX);
    let requests = administrators.map(|administrator| NotificationRequest {
        cause,
        cause_key: format!("event:{event_key}"),
        ticket: None,
        recipient: administrator.id,
        via: Via::Preferred,
        params: params.clone(),
    });
    notify(tx, requests.collect()).await.map(drop)
}

/// The supervisors of a team, or their delegates.
async fn supervisors(tx: &Tx, team: Option<TeamId>) -> Result<Vec<UserId>> {
    let availability = people::queries::availability::current(tx.app()).await?;
    let zone = &tx.app().state::<Organisation>().zone;
    let mut all: Vec<UserId> =
        availability.supervisors(team).iter().map(|agent| availability.delegate_for(agent.id, tx.now, zone)).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(RECIPIENTS_MAX);
    Ok(all)
}

/// A knowledge card was extracted from tickets of a team: asks its supervisors to review it.
pub async fn on_card_extracted(tx: &mut Tx, card: CardId, team: Option<TeamId>, cases: usize) -> Result<()> {
    let recipients = supervisors(tx, team).await?;
    let params = Params { count: i64::try_from(cases).ok(), card: Some(card), ..Params::default() };
    let requests = recipients.into_iter().map(|recipient| NotificationRequest {
        cause: Cause::Knowledge,
        cause_key: format!("card:{card}"),
        ticket: None,
        recipient,
        via: Via::Preferred,
        params: params.clone(),
    });
    notify(tx, requests.collect()).await.map(drop)
}

/// First-time resolution of a team or issue type stays low. Notifies the supervisors of the team; for an issue type, administrators.
pub async fn on_knowledge_gap(tx: &mut Tx, gap: KnowledgeGap) -> Result<()> {
    let KnowledgeGap { name, team, topics, tickets, is_small_sample } = gap;
    let params = Params {
        name: Some(name),
        count: i64::try_from(topics).ok(),
        tickets: i64::try_from(tickets).ok(),
        word: is_small_sample.then(|| SMALL_SAMPLE.to_owned()),
        ..Params::default()
    };
    if team.is_none() {
        return notify_administrators(tx, Cause::Knowledge, params).await;
    }
    let recipients = supervisors(tx, team).await?;
    let key = tx.new_uuid();
    let requests = recipients.into_iter().map(|recipient| NotificationRequest {
        cause: Cause::Knowledge,
        cause_key: format!("gap:{key}"),
        ticket: None,
        recipient,
        via: Via::Preferred,
        params: params.clone(),
    });
    notify(tx, requests.collect()).await.map(drop)
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if let Some(event) = event.get() {
        on_ticket_event(tx, event).await?;
    }
    if let Some(ClockJumped { seconds }) = event.get() {
        on_clock_jumped(tx, *seconds).await?;
    }
    match event.get() {
        Some(CredentialEvent::Expiring { key, owner, days, .. }) => {
            on_credential(tx, key, "CREDENTIAL_EXPIRING", Some(*days), *owner).await
        }
        Some(CredentialEvent::Rotated { key, owner, .. })
            if tx.app().state::<credentials::model::Settings>().change_alarm =>
        {
            on_credential(tx, key, "CREDENTIAL_ROTATED", None, *owner).await
        }
        _ => Ok(()),
    }
}
