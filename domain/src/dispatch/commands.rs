//! Assigns tickets to agents.

use std::sync::Arc;

use futures::FutureExt as _;

use super::decide::{choose, mismatch};
use super::model::{CASES_MAX, Candidate, Choice, DispatchFact, Mismatch, Requirements, Settings, Trace};
use super::{queries, store};
use crate::catalogue;
use crate::kernel::{Error, Result, TicketId, UserId, boxed};
use crate::notifications;
use crate::runtime::jobs::{Job, Next, SendAttempt};
use crate::runtime::ports::Outcome;
use crate::runtime::{Command as _, Tx};
use crate::tickets;
use crate::tickets::model::{AssignTicket, CaseFinder, SolvedCase, Ticket, TicketStatus, UpdateTicket};

/// The outcome of dispatching a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispatchOutcome {
    Assigned(UserId),
    /// Nobody is eligible.
    NoCandidate,
    /// The limit of automatic assignments is reached.
    LimitReached,
}

/// How a ticket is dispatched.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    /// Solved tickets like this one; `None`: those that an earlier decision found.
    pub cases: Option<Vec<SolvedCase>>,
    /// Its assignee stays unless somebody fits better: what issue type and product require does not become a preference, and that
    /// nobody fits better is not recorded.
    pub only_better: bool,
    /// Whether other teams help if nobody of the ticket's team is eligible.
    pub any_team: bool,
}

/// The choice for a ticket. Where the team has nobody, and `any_team` permits it, among all.
fn choose_for(requirements: &Requirements, candidates: &[Candidate], settings: &Settings, any_team: bool) -> Choice {
    let choice = choose(requirements, candidates, settings);
    if choice.chosen.is_some() || !any_team || requirements.team.is_none() {
        return choice;
    }
    let anywhere = choose(&Requirements { team: None, ..requirements.clone() }, candidates, settings);
    if anywhere.chosen.is_some() { anywhere } else { choice }
}

/// Assigns a ticket to the best candidate, and stores the reasons. Updates `candidates` with the new load.
async fn assign_best(
    tx: &mut Tx,
    ticket: &Ticket,
    candidates: &mut [Candidate],
    options: Options,
) -> Result<DispatchOutcome> {
    let settings = tx.app().state::<Settings>().clone();
    let before = store::traces(tx.conn(), &[ticket.id]).await?.remove(&ticket.id);
    let assignments = before.as_ref().map_or(0, |trace| trace.assignments);
    if assignments >= settings.assignments_max {
        // Queue it, so that a person decides.
        if let Some(mut trace) =
            before.filter(|trace| ticket.assignment.assignee.is_none() && trace.queued_at.is_none())
        {
            trace.queued_at = Some(tx.now);
            store::upsert(tx.conn(), &trace).await?;
            record_queued(tx, ticket).await?;
        }
        return Ok(DispatchOutcome::LimitReached);
    }
    let cases = options.cases.or_else(|| before.as_ref().map(|trace| trace.basis.cases.clone())).unwrap_or_default();
    let (mut requirements, mut basis) = queries::requirements(tx, ticket, cases).await?;
    requirements.may_prefer = !options.only_better;
    let choice = choose_for(&requirements, candidates, &settings, options.any_team);
    basis.derived_preferred = choice.derived_preferred;
    let chosen = choice.chosen;
    let queued_at = before.as_ref().and_then(|trace| trace.queued_at);
    let mut trace = Trace { ticket: ticket.id, at: tx.now, choice, basis, queued_at, assignments };
    let Some(user) = chosen else {
        if options.only_better {
            return Ok(DispatchOutcome::NoCandidate);
        }
        // A ticket that stays with its owner is not queued.
        let newly_queued = ticket.assignment.assignee.is_none() && queued_at.is_none();
        if newly_queued {
            trace.queued_at = Some(tx.now);
        }
        let changed = |before: Trace| {
            before.choice.candidates != trace.choice.candidates || before.basis != trace.basis || newly_queued
        };
        if before.is_none_or(changed) {
            store::upsert(tx.conn(), &trace).await?;
        }
        if newly_queued {
            record_queued(tx, ticket).await?;
        }
        return Ok(DispatchOutcome::NoCandidate);
    };
    let stamp = candidates.iter().find(|candidate| candidate.user == user).map_or(0, |candidate| candidate.stamp);
    store::claim(tx, user, stamp).await?;
    trace.queued_at = None;
    trace.assignments += 1;
    store::upsert(tx.conn(), &trace).await?;
    let version = move_to_team(tx, ticket, candidates, user).await?;
    let assign = AssignTicket { ticket: ticket.id, assignee: user, expected_version: Some(version) };
    assign.run(tx).await.map_err(conflict)?;
    for candidate in candidates.iter_mut().filter(|candidate| candidate.user == user) {
        candidate.load += requirements.weight;
        candidate.stamp += 1;
        candidate.last_assigned_at = Some(tx.now);
    }
    Ok(DispatchOutcome::Assigned(user))
}

/// Moves a ticket to the team of its new assignee if they are of another team; returns its version.
async fn move_to_team(tx: &mut Tx, ticket: &Ticket, candidates: &[Candidate], user: UserId) -> Result<i32> {
    let teams = candidates.iter().find(|candidate| candidate.user == user).map(|candidate| &candidate.teams);
    let (Some(teams), Some(current)) = (teams, ticket.assignment.team) else { return Ok(ticket.version) };
    let target = teams.first().filter(|_| !teams.contains(&current));
    let Some(target) = target else { return Ok(ticket.version) };
    let Some(team) = catalogue::queries::team(tx, *target).await? else { return Ok(ticket.version) };
    let team_key = Some(team.key);
    let update = UpdateTicket { team_key, expected_version: Some(ticket.version), ..UpdateTicket::new(ticket.id) };
    update.run(tx).await.map_err(conflict)?;
    Ok(ticket.version + 1)
}

/// A version conflict means a concurrent change: retry.
fn conflict(error: Error) -> Error {
    use crate::kernel::Code;
    match error {
        Error::Refused(refusals) if refusals.iter().any(|refusal| refusal.code == Code::VersionConflict) => {
            Error::Conflict
        }
        error => error,
    }
}

/// Assigns a ticket, never to an earlier owner. Escalation also uses it to reassign tickets.
#[boxed]
pub async fn dispatch(tx: &mut Tx, ticket: &Ticket) -> Result<DispatchOutcome> {
    let mut candidates = queries::candidates(tx, ticket.assignment.team).await?;
    assign_best(tx, ticket, &mut candidates, Options::default()).await
}

/// Assigns several tickets one after the other; returns how many were assigned.
pub async fn dispatch_all(tx: &mut Tx, tickets: Vec<Ticket>) -> Result<usize> {
    if tickets.is_empty() {
        return Ok(0);
    }
    let mut candidates = queries::candidates(tx, None).await?;
    let mut found = 0;
    for ticket in tickets {
        let outcome = assign_best(tx, &ticket, &mut candidates, Options::default()).await?;
        found += usize::from(matches!(outcome, DispatchOutcome::Assigned(_)));
    }
    Ok(found)
}

/// Whether a ticket waits for automatic assignment.
fn is_dispatchable(ticket: &Ticket) -> bool {
    ticket.assignment.assignee.is_none() && ticket.status == TicketStatus::New && !ticket.request.imported
}

/// The ticket of a job, if it is to be assigned now: it has no assignee, or one who has not accepted it and no longer fits it.
async fn due_ticket(tx: &Tx, job: &Job) -> Result<Option<(Ticket, Options)>> {
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let found = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id);
    let Some(ticket) = found.filter(|_| tx.app().state::<Settings>().automatic) else { return Ok(None) };
    if is_dispatchable(&ticket) {
        return Ok(Some((ticket, Options::default())));
    }
    Ok(mismatch_of(tx, &ticket).await?.map(|options| (ticket, options)))
}

/// How to dispatch a ticket whose assignee no longer fits it.
async fn mismatch_of(tx: &Tx, ticket: &Ticket) -> Result<Option<Options>> {
    let is_unaccepted = ticket.status == TicketStatus::Assigned && !ticket.assignment.accepted;
    let (Some(assignee), true, false) = (ticket.assignment.assignee, is_unaccepted, ticket.request.imported) else {
        return Ok(None);
    };
    let candidates = queries::candidates(tx, None).await?;
    let Some(assignee) = candidates.iter().find(|candidate| candidate.user == assignee) else { return Ok(None) };
    let trace = store::traces(tx.conn(), &[ticket.id]).await?.remove(&ticket.id);
    let dispatched = trace.is_some_and(|trace| trace.choice.chosen == Some(assignee.user));
    let (requirements, _) = queries::requirements(tx, ticket, Vec::new()).await?;
    let Some(mismatch) = mismatch(&requirements, assignee, dispatched) else { return Ok(None) };
    let only_better = matches!(mismatch, Mismatch::DerivedSkill | Mismatch::Capacity);
    // A ticket that belongs to no team took that of its assignee.
    let any_team = queries::routed_team(tx, ticket).await?.is_none();
    Ok(Some(Options { cases: None, only_better, any_team }))
}

/// Begins dispatching a ticket: who solved similar cases is searched outside a transaction.
#[boxed]
pub async fn begin_assigning(tx: &mut Tx, job: &Job) -> Result<SendAttempt> {
    let Some((ticket, _)) = due_ticket(tx, job).await? else { return Ok(SendAttempt::Skip(Next::Done)) };
    let counts = tx.app().state::<Settings>().similar_cases_weight > 0.0;
    let (cx, finder) = (tx.cx.clone(), tx.app().state::<Arc<dyn CaseFinder>>().clone());
    let found = async move {
        let cases = if counts { finder.find(cx, ticket, CASES_MAX).await } else { Ok(Vec::new()) };
        // Nobody waits for a search that fails.
        let cases = cases.unwrap_or_else(|error| {
            tracing::warn!(%error, "similar cases not found; the ticket is dispatched without them");
            Vec::new()
        });
        Outcome::Completed(serde_json::to_value(cases).unwrap_or_default())
    };
    Ok(SendAttempt::Send(found.boxed()))
}

/// Completes dispatching a ticket: checks its current state, because it may be assigned already.
#[boxed]
pub async fn complete_assigning(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let cases: Vec<SolvedCase> = match outcome {
        Outcome::Completed(found) => serde_json::from_value(found).unwrap_or_default(),
        _ => Vec::new(),
    };
    assign_due(tx, job, Some(cases)).await
}

/// Dispatches the ticket of a job, if it is to be assigned.
pub(super) async fn assign_due(tx: &mut Tx, job: &Job, cases: Option<Vec<SolvedCase>>) -> Result<Next> {
    if let Some((ticket, options)) = due_ticket(tx, job).await? {
        let team = ticket.assignment.team.filter(|_| !options.any_team);
        let mut candidates = queries::candidates(tx, team).await?;
        assign_best(tx, &ticket, &mut candidates, Options { cases, ..options }).await?;
    }
    Ok(Next::Done)
}

/// The ticket waits in its team's queue; a supervisor is notified.
async fn record_queued(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    tickets::commands::append_fact_to(tx, ticket, DispatchFact::Queued.into()).await?;
    notifications::react::on_queued(tx, ticket).await
}
