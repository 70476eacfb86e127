//! Corrections on their way: each endpoint has a queue of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{FutureExt as _, StreamExt as _, stream};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder as _, QuerySelect};
use serde::{Deserialize, Serialize};

use super::super::decide::{REFUSALS_MAX, Verdict, back_off, signature, verdict};
use super::super::model::{
    Answered, Correction, CorrectionState, HubEvent, Letter, Postman, ReplayDeadLetters, ReplayDelivery, Settings,
    System,
};
use super::super::store::{self, correction};
use super::super::{queries, react};
use super::dossier::{Dossiers, Take};
use super::no_such_system;
use crate::event::Event;
use crate::kernel::{Code, CorrectionId, Error, Refusal, Result, SystemId, TicketId, Timestamp, refuse};
use crate::runtime::jobs::{self, Job, Next, Outcome, Prepared};
use crate::runtime::{Command, Ctx, Tx};
use crate::tickets;
use crate::tickets::model::Fact;

/// Corrections of one endpoint that are sent in one go, and so many at a time.
const SEND_MAX: u64 = 64;
const AT_A_TIME: usize = 8;
/// Dead letters replayed by one call.
const REPLAY_MAX: u64 = 500;

/// What became of one message.
#[derive(Serialize, Deserialize)]
struct Tried {
    correction: CorrectionId,
    /// `None`: the endpoint took nothing any more before it came to this one.
    answered: Option<Answered>,
}

async fn system_of(tx: &Tx, id: SystemId) -> Result<Option<System>> {
    Ok(store::systems(tx.conn()).await?.into_iter().find(|system| system.id == id))
}

/// Notes an attempt of what is due, oldest first.
async fn attempt(tx: &Tx, system: SystemId, max: u64) -> Result<Vec<Correction>> {
    let mut due = Query::select();
    due.column(correction::Column::Id)
        .from(correction::Entity)
        .and_where(correction::Column::SystemId.eq(system))
        .and_where(correction::Column::State.eq(CorrectionState::Due.word()))
        .and_where(Expr::col(correction::Column::DueAt).lte(tx.now))
        .order_by(correction::Column::DueAt, Order::Asc)
        .order_by(correction::Column::Id, Order::Asc)
        .limit(max);
    let rows = correction::Entity::update_many()
        .col_expr(correction::Column::Attempts, Expr::col(correction::Column::Attempts).add(1))
        .col_expr(correction::Column::SentAt, Expr::value(tx.now))
        .filter(correction::Column::Id.in_subquery(due))
        // Overtaken or taken at this moment: not sent.
        .filter(correction::Column::State.eq(CorrectionState::Due.word()))
        .exec_with_returning(tx.conn())
        .await?;
    let mut corrections: Vec<Correction> = rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?;
    corrections.sort_by_key(|one| (one.due_at, one.id));
    Ok(corrections)
}

/// When the queue of an endpoint is looked at next.
async fn next(tx: &Tx, job: &Job, system: &System) -> Result<Next> {
    // Whoever makes another due from here on waits, and plants this job anew.
    jobs::lock(tx, job).await?;
    if system.endpoint().is_none() {
        return Ok(Next::Done);
    }
    let first: Option<Option<Timestamp>> = correction::Entity::find()
        .select_only()
        .column_as(correction::Column::DueAt.min(), "first")
        .filter(correction::Column::SystemId.eq(system.id))
        .filter(correction::Column::State.eq(CorrectionState::Due.word()))
        .filter(correction::Column::DueAt.is_not_null())
        .into_tuple()
        .one(tx.conn())
        .await?;
    let at = first.flatten().map(|at| Ord::max(at, system.retry_at.unwrap_or(at)));
    Ok(at.map_or(Next::Done, Next::At))
}

/// The first half: attempts are noted before anything leaves.
pub async fn prepare(tx: &mut Tx, job: &Job) -> Result<Prepared> {
    let id: SystemId = job.subject.parse().map_err(Error::internal)?;
    let Some(system) = system_of(tx, id).await? else { return Ok(Prepared::Ended(Next::Done)) };
    let Some(url) = system.endpoint().map(str::to_owned) else { return Ok(Prepared::Ended(Next::Done)) };
    if let Some(at) = system.retry_at.filter(|at| tx.now < *at) {
        return Ok(Prepared::Ended(Next::At(at)));
    }
    // An endpoint that fails is tried with one message.
    let corrections = attempt(tx, id, if system.failures > 0 { 1 } else { SEND_MAX }).await?;
    if corrections.is_empty() {
        return Ok(Prepared::Ended(next(tx, job, &system).await?));
    }
    let ids: Vec<TicketId> = corrections.iter().map(|one| one.ticket).collect();
    let tokens = tickets::queries::tokens(tx.conn(), &ids).await?;
    let secrets = store::secrets(tx, id).await?;
    let letters: Vec<(CorrectionId, Letter)> = corrections
        .iter()
        .map(|one| {
            let token = tokens.get(&one.ticket).map_or("", String::as_str);
            (one.id, letter(&system, &url, one, token, &secrets, tx.now))
        })
        .collect();
    let post = tx.app().state::<Postman>().post.clone();
    let failed = Arc::new(AtomicBool::new(false));
    let sending = async move {
        let tries = letters.into_iter().map(|(correction, letter)| {
            let (post, failed) = (post.clone(), failed.clone());
            async move {
                if failed.load(Ordering::SeqCst) {
                    return Tried { correction, answered: None };
                }
                let answered = post(letter).await;
                if !matches!(verdict(&answered), Verdict::Taken | Verdict::Refused(_)) {
                    failed.store(true, Ordering::SeqCst);
                }
                Tried { correction, answered: Some(answered) }
            }
        });
        let tried: Vec<Tried> = stream::iter(tries).buffered(AT_A_TIME).collect().await;
        Outcome::Found(serde_json::to_value(tried).unwrap_or_default())
    };
    Ok(Prepared::Send(sending.boxed()))
}

fn letter(system: &System, url: &str, one: &Correction, token: &str, secrets: &[Vec<u8>], now: Timestamp) -> Letter {
    let word = system.word_for(one.status);
    let body = serde_json::json!({
        "type": "ticket.status_corrected",
        "timestamp": one.created_at.to_string(),
        "data": { "uuid": token, "status": one.status.word(), "word": word, "causeId": one.id.to_string() },
    })
    .to_string();
    let (id, seconds) = (one.id.to_string(), now.millis() / 1_000);
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-signature", signature(secrets, &id, seconds, &body)),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-id", id),
    ];
    Letter { url: url.to_owned(), headers, body }
}

/// The second half: what came of it.
pub async fn settle(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let id: SystemId = job.subject.parse().map_err(Error::internal)?;
    let Some(mut system) = system_of(tx, id).await? else { return Ok(Next::Done) };
    let tried: Vec<Tried> = match outcome {
        Outcome::Found(found) => serde_json::from_value(found).map_err(Error::internal)?,
        _ => return Err(Error::internal("corrections that say nothing of how they fared")),
    };
    let mut taken = Vec::new();
    let mut failed = Vec::new();
    let mut untried = Vec::new();
    let mut unreachable = None;
    for Tried { correction, answered } in tried {
        let Some(answered) = answered else {
            untried.push(correction);
            continue;
        };
        match verdict(&answered) {
            Verdict::Taken => taken.push(correction),
            Verdict::Refused(why) => failed.push((correction, why, false)),
            Verdict::Unreachable { why, after } => {
                unreachable = Some((why.clone(), after, false));
                failed.push((correction, why, true));
            }
            Verdict::Gone => {
                unreachable = Some(("HTTP 410: the endpoint wants no more messages".to_owned(), None, true));
                failed.push((correction, "HTTP 410".to_owned(), true));
            }
        }
    }
    acknowledge(tx, id, &taken).await?;
    let mut chance = [0; 1];
    tx.app().chance.fill(&mut chance);
    let before = (system.failures, system.retry_at, system.failing_since);
    match unreachable {
        None => (system.failures, system.failing_since, system.retry_at) = (0, None, None),
        Some((why, after, gone)) => {
            system.failures += 1;
            let since = *system.failing_since.get_or_insert(tx.now);
            let wait = back_off(system.failures, chance[0]).max(after.unwrap_or_default());
            system.retry_at = Some(tx.now + wait);
            if gone || since + tx.app().state::<Settings>().disable_after <= tx.now {
                system.disabled_at = Some(tx.now);
                system.disabled_because = Some(why);
            }
        }
    }
    take_back(tx, untried).await?;
    let ids: Vec<CorrectionId> = failed.iter().map(|(id, ..)| *id).collect();
    let mut corrections = store::corrections(tx.conn(), &ids).await?;
    corrections.retain(|one| one.state == CorrectionState::Due);
    for correction in &mut corrections {
        let Some((_, why, endpoint)) = failed.iter().find(|(id, ..)| *id == correction.id) else { continue };
        correction.failure = Some(why.clone());
        if *endpoint {
            // The endpoint's own failures are counted there.
            correction.due_at = system.retry_at;
            continue;
        }
        correction.refusals += 1;
        correction.due_at = Some(tx.now + back_off(correction.refusals, chance[0]));
        if correction.refusals >= REFUSALS_MAX {
            correction.state = CorrectionState::Dead;
            correction.due_at = None;
        }
    }
    let mut dead: Vec<Correction> =
        corrections.iter().filter(|one| one.state == CorrectionState::Dead).cloned().collect();
    store::put_corrections_where(tx.conn(), corrections, CorrectionState::Due).await?;
    if (system.failures, system.retry_at, system.failing_since) != before {
        store::save_system(tx.conn(), &system).await?;
        queries::forget(tx.app());
    }
    if system.disabled_at.is_some() {
        dead.extend(bury_all(tx, id).await?);
        disabled(tx, &system).await?;
    }
    for one in dead {
        let event = HubEvent::CorrectionDead { system: id, correction: one.id, ticket: one.ticket };
        tx.record(Event::Hub(event)).await?;
    }
    next(tx, job, &system).await
}

/// What was not tried after all has not been sent.
async fn take_back(tx: &Tx, untried: Vec<CorrectionId>) -> Result<()> {
    if untried.is_empty() {
        return Ok(());
    }
    correction::Entity::update_many()
        .col_expr(correction::Column::Attempts, Expr::col(correction::Column::Attempts).sub(1))
        .col_expr(correction::Column::SentAt, Expr::value(Option::<i64>::None))
        .filter(correction::Column::Id.is_in(untried))
        .filter(correction::Column::State.eq(CorrectionState::Due.word()))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// What an endpoint that is called no more was to get is kept as dead letters.
async fn bury_all(tx: &Tx, system: SystemId) -> Result<Vec<Correction>> {
    let rows = correction::Entity::update_many()
        .col_expr(correction::Column::State, Expr::value(CorrectionState::Dead.word()))
        .col_expr(correction::Column::DueAt, Expr::value(Option::<i64>::None))
        .filter(correction::Column::SystemId.eq(system))
        .filter(correction::Column::State.eq(CorrectionState::Due.word()))
        .exec_with_returning(tx.conn())
        .await?;
    Ok(rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?)
}

async fn disabled(tx: &mut Tx, system: &System) -> Result<()> {
    let because = system.disabled_because.clone().unwrap_or_default();
    let event = HubEvent::SystemDisabled { system: system.id, key: system.key.clone(), because };
    tx.record(Event::Hub(event)).await
}

/// A system has taken these corrections.
async fn acknowledge(tx: &mut Tx, system: SystemId, ids: &[CorrectionId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let corrections = store::corrections(tx.conn(), ids).await?;
    let of: Vec<TicketId> = corrections.iter().map(|one| one.ticket).collect();
    let mut dossiers = Dossiers::load(tx, &of, Take::Known).await?;
    dossiers.recall(tx, system, ids.to_vec()).await?;
    let key = dossiers.systems.get(&system).map(|system| system.key.clone()).unwrap_or_default();
    for correction in corrections {
        let (id, status) = (correction.id, correction.status);
        let Some(dossier) = dossiers.get(correction.ticket) else { continue };
        if dossier.acknowledge(id, None) {
            let ticket = dossier.ticket.clone();
            let fact = Fact::CorrectionAcknowledged { system: key.clone(), status };
            tickets::commands::note_of(tx, &ticket, fact).await?;
        }
    }
    Box::pin(dossiers.settle(tx)).await
}

/// Corrections were handed to a subscriber: what it reports within moments may be their echo.
pub async fn note_streamed(cx: &Ctx, ids: &[CorrectionId]) -> Result<()> {
    let tx = cx.begin().await?;
    correction::Entity::update_many()
        .col_expr(correction::Column::SentAt, Expr::value(tx.now))
        .filter(correction::Column::Id.is_in(ids.iter().copied()))
        .filter(correction::Column::SentAt.is_null())
        .exec(tx.conn())
        .await?;
    tx.commit().await
}

async fn replay(tx: &mut Tx, system: &System, mut corrections: Vec<Correction>) -> Result<()> {
    if system.endpoint().is_none() {
        return Err(refuse(
            Code::Invalid,
            "deliveryId",
            format!(
                "{} has no endpoint that is called: enable it or give it a callbackUrl with updateSystem first.",
                system.key
            ),
            format!("{} 没有可用的回调地址，请先用 updateSystem 启用或设置 callbackUrl。", system.key),
        )
        .into());
    }
    for correction in &mut corrections {
        correction.state = CorrectionState::Due;
        (correction.attempts, correction.refusals) = (0, 0);
        correction.due_at = Some(tx.now);
    }
    for one in &corrections {
        let event = HubEvent::CorrectionReplayed { system: system.id, correction: one.id, ticket: one.ticket };
        tx.record(Event::Hub(event)).await?;
    }
    // Overtaken or taken at this moment: it stays so.
    store::put_corrections_where(tx.conn(), corrections, CorrectionState::Dead).await?;
    let now = tx.now;
    jobs::ring_in_lane(tx, react::LANE, &[(react::DELIVER, &system.id.to_string(), now)]).await
}

fn no_dead_letter() -> Refusal {
    refuse(
        Code::NotFound,
        "deliveryId",
        "There is no dead letter of this id: what was taken, or overtaken by another truth, is not sent again.",
        "没有该死信：已被接收或已被新状态取代的更正不会重发。",
    )
}

impl Command for ReplayDelivery {
    const NAME: &'static str = "replayDelivery";
    type Output = CorrectionId;

    async fn run(&self, tx: &mut Tx) -> Result<CorrectionId> {
        tx.actor().require_admin()?;
        let found = store::corrections(tx.conn(), &[self.correction]).await?;
        let dead: Vec<Correction> = found.into_iter().filter(|one| one.state == CorrectionState::Dead).collect();
        let of = dead.first().map(|one| one.system).ok_or_else(no_dead_letter)?;
        let system = system_of(tx, of).await?.ok_or_else(no_dead_letter)?;
        replay(tx, &system, dead).await?;
        Ok(self.correction)
    }
}

impl Command for ReplayDeadLetters {
    const NAME: &'static str = "replayDeadLetters";
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.actor().require_admin()?;
        let systems = store::systems(tx.conn()).await?;
        let system = systems.into_iter().find(|system| system.key == self.system);
        let system = system.ok_or_else(|| no_such_system("systemKey", &self.system))?;
        let rows = correction::Entity::find()
            .filter(correction::Column::SystemId.eq(system.id))
            .filter(correction::Column::State.eq(CorrectionState::Dead.word()))
            .order_by_asc(correction::Column::Id)
            .limit(REPLAY_MAX)
            .all(tx.conn())
            .await?;
        let dead: Vec<Correction> = rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?;
        let replayed = dead.len() as u64;
        replay(tx, &system, dead).await?;
        Ok(replayed)
    }
}
