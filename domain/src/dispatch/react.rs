//! Triggers of dispatch: new tickets, free capacity, and changes of availability.

use std::collections::BTreeMap;

use super::commands::{DispatchOutcome, assign_due, dispatch, dispatch_all};
use super::model::Settings;
use super::queries::{self, QueuePosition};
use crate::auth::model::AuthEvent;
use crate::calendar::model::Organisation;
use crate::kernel::{Result, UserId, boxed, seconds};
use crate::people::model::Availability;
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule};
use crate::runtime::{AnyEvent, Command as _, Tx};
use crate::tickets;
use crate::tickets::model::{AssignTicket, Fact, TicketEvent, TicketStatus};
use crate::{notifications, people};

/// Dispatches one ticket.
pub const ASSIGN: &str = "dispatch.assign";
/// The queue of the jobs that dispatch one ticket: they search for similar cases first.
pub const QUEUE: &str = "dispatch";
/// Dispatches the queue.
pub const DRAIN: &str = "dispatch.drain";
/// Runs when availability changes.
pub const ROSTER: &str = "dispatch.roster";

/// Tickets dispatched in one transaction.
const DRAIN_MAX: u64 = 200;

fn is_automatic(tx: &Tx) -> bool {
    tx.app().state::<Settings>().automatic
}

/// The fields by which a ticket requires other skills, another team or more capacity.
const REQUIREMENT_FIELDS: [&str; 4] = ["requiredSkills", "product", "issueType", "priority"];

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if !is_automatic(tx) {
        return Ok(());
    }
    let now = tx.now;
    let is_waiting = event.after.assignee.is_none() && event.after.status == TicketStatus::New;
    // The job checks whether it was accepted, and whether the assignee still fits.
    let is_assigned = event.after.assignee.is_some() && event.after.status == TicketStatus::Assigned;
    let team_changed = event.before.as_ref().is_some_and(|before| before.team != event.after.team);
    let requires_other = matches!(
        &event.fact, Fact::Updated { fields } if fields.iter().any(|field| REQUIREMENT_FIELDS.contains(&field.as_str()))
    );
    let is_due = matches!(event.fact, Fact::Created { .. })
        || (is_waiting && team_changed)
        || ((is_waiting || is_assigned) && requires_other);
    if is_due {
        return jobs::schedule(tx, &[Schedule::new(ASSIGN, &event.ticket.to_string(), now).in_queue(QUEUE)]).await;
    }
    let busy = |of: &tickets::model::Snapshot| {
        of.assignee.filter(|_| matches!(of.status, TicketStatus::Assigned | TicketStatus::InProgress))
    };
    let freed =
        event.before.as_ref().is_some_and(|before| busy(before).is_some() && busy(before) != busy(&event.after));
    if freed {
        jobs::schedule(tx, &[Schedule::new(DRAIN, "", now).if_scheduled(IfScheduled::KeepEarlier)]).await?;
    }
    Ok(())
}

/// Availability, skills, capacity or reachability of an agent changed.
async fn on_roster_event(tx: &mut Tx) -> Result<()> {
    if is_automatic(tx) {
        let now = tx.now;
        jobs::schedule(tx, &[Schedule::new(ROSTER, "", now).if_scheduled(IfScheduled::KeepEarlier)]).await?;
    }
    Ok(())
}

/// Batches of unaccepted tickets of absent agents in one transaction.
const UNACCEPTED_BATCHES_MAX: usize = 10;

async fn on_auth_event(tx: &mut Tx, event: &AuthEvent) -> Result<()> {
    if let AuthEvent::SessionOpened { user, .. } = event
        && is_automatic(tx)
        && people::queries::availability::current(tx.app()).await?.agent(*user).is_some()
    {
        // An agent with a session is reachable.
        let now = tx.now;
        jobs::schedule(tx, &[Schedule::new(DRAIN, "", now).if_scheduled(IfScheduled::KeepEarlier)]).await?;
    }
    Ok(())
}

/// A job that an older program scheduled among those that decide: without similar cases.
#[boxed]
pub async fn on_assign(tx: &mut Tx, job: &Job) -> Result<Next> {
    assign_due(tx, job, None).await
}

/// Dispatches a batch of the queue. The next batch is a separate job, so that tickets without eligible agents do not block
/// the others.
#[boxed]
pub async fn on_drain(tx: &mut Tx, job: &Job) -> Result<Next> {
    if !is_automatic(tx) {
        return Ok(Next::Done);
    }
    let waiting = queries::waiting(tx.conn(), QueuePosition::from_subject(&job.subject), DRAIN_MAX).await?;
    let full = u64::try_from(waiting.len()).is_ok_and(|n| n == DRAIN_MAX);
    let last = waiting.last().map(|ticket| QueuePosition::of(ticket).to_string());
    // A new ticket has a job of its own, which searches for similar cases first.
    let subjects = waiting.iter().map(|ticket| ticket.id.to_string()).collect();
    let own = jobs::scheduled(tx, ASSIGN, subjects).await?;
    let waiting = waiting.into_iter().filter(|ticket| !own.contains(&ticket.id.to_string()));
    dispatch_all(tx, waiting.collect()).await?;
    if let Some(last) = last.filter(|_| full) {
        let at = tx.now + seconds(1);
        jobs::schedule(tx, &[Schedule::new(DRAIN, &last, at).if_scheduled(IfScheduled::KeepEarlier)]).await?;
    }
    Ok(Next::Done)
}

/// Reassigns unaccepted tickets of absent agents and drains the queue. Runs again at the next change of availability.
#[boxed]
pub async fn on_roster(tx: &mut Tx, _: &Job) -> Result<Next> {
    if !is_automatic(tx) {
        return Ok(Next::Done);
    }
    let availability = people::queries::availability::current(tx.app()).await?;
    let zone = tx.app().state::<Organisation>().zone.clone();
    let unavailable: Vec<UserId> = availability
        .agents
        .iter()
        .filter(|agent| agent.is_away(tx.now) || availability.is_delegated(agent.id, tx.now, &zone))
        .map(|agent| agent.id)
        .collect();
    if !unavailable.is_empty() {
        let mut after = 0;
        for _ in 0..UNACCEPTED_BATCHES_MAX {
            let unaccepted = queries::unaccepted(tx.conn(), &unavailable, after, DRAIN_MAX).await?;
            let Some(last) = unaccepted.last() else { break };
            after = last.number;
            dispatch_all(tx, unaccepted).await?;
        }
    }
    hand_over_work_of_absentees(tx, &availability).await?;
    let now = tx.now;
    jobs::schedule(tx, &[Schedule::new(DRAIN, "", now).if_scheduled(IfScheduled::KeepEarlier)]).await?;
    Ok(queries::next_change(tx).await?.map_or(Next::Done, Next::At))
}

/// People who have left whose work is handed over in one transaction.
const LEFT_MAX: u64 = 200;

/// Open work of people who are absent or have left goes, accepted or not, to their delegate or back to dispatch. Whoever leads them is
/// told at once which tickets went where, and which went nowhere.
async fn hand_over_work_of_absentees(tx: &mut Tx, availability: &Availability) -> Result<()> {
    let zone = tx.app().state::<Organisation>().zone.clone();
    let absent = availability.agents.iter().filter(|agent| agent.is_away(tx.now)).map(|agent| agent.id);
    let mut gone: Vec<UserId> = absent.collect();
    gone.extend(queries::owners_who_left(tx.conn(), LEFT_MAX).await?);
    if gone.is_empty() {
        return Ok(());
    }
    let mut work: BTreeMap<UserId, Vec<(i64, Option<UserId>)>> = BTreeMap::new();
    let mut after = 0;
    for _ in 0..UNACCEPTED_BATCHES_MAX {
        let open = queries::work_of(tx.conn(), &gone, after, DRAIN_MAX).await?;
        let Some(last) = open.last() else { break };
        after = last.number;
        for ticket in open {
            let Some(owner) = ticket.assignment.assignee else { continue };
            let delegate = availability.delegate_for(owner, tx.now, &zone);
            let is_there = availability.agent(delegate).is_some_and(|agent| !agent.is_away(tx.now));
            let to = if delegate != owner && is_there {
                let expected_version = Some(ticket.version);
                AssignTicket { ticket: ticket.id, assignee: delegate, expected_version }.run(tx).await?;
                Some(delegate)
            } else {
                match dispatch(tx, &ticket).await? {
                    DispatchOutcome::Assigned(user) => Some(user),
                    DispatchOutcome::NoCandidate | DispatchOutcome::LimitReached => None,
                }
            };
            work.entry(owner).or_default().push((ticket.number, to));
        }
    }
    for (owner, tickets) in work {
        notifications::react::on_owner_gone(tx, owner, &tickets).await?;
    }
    Ok(())
}

/// Schedules a lost roster job: it checks all waiting tickets.
#[boxed]
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    if is_automatic(tx) {
        let now = tx.now;
        jobs::schedule(tx, &[Schedule::new(ROSTER, "", now).if_scheduled(IfScheduled::KeepEarlier)]).await?;
    }
    Ok(())
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if let Some(event) = event.get() {
        on_ticket_event(tx, event).await?;
    }
    if let Some(event) = event.get() {
        on_auth_event(tx, event).await?;
    }
    if notifications::queries::changes_reach(event) { on_roster_event(tx).await } else { Ok(()) }
}
