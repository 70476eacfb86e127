//! The life-cycle: one function per action, and one table of the actions that each status allows.

use sha2::{Digest, Sha256};

use super::hand_over::count_hand_over;
use super::rights::{counts_as_response, may};
use crate::kernel::text::{self, BODY_CHARS_MAX, REASON_CHARS_MAX, REDACTED};
use crate::kernel::{Actor, Code, CommentId, Refusal, TeamId, Timestamp, UserId, refuse};
use crate::msg;
use crate::tickets::model::{
    Action, AttributionDetails, Fact, ParticipantReason, Priority, Ticket, TicketStatus, TicketText, Visibility,
};

/// The result of an action: the next state, its events and new participants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub next: Ticket,
    pub facts: Vec<Fact>,
    pub participants: Vec<(UserId, ParticipantReason)>,
}

/// The digest that stands for a text in the log.
pub fn text_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Whether the ticket's status allows the action.
pub fn status_allows(action: Action, ticket: &Ticket) -> bool {
    use TicketStatus::{Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};
    match action {
        Action::Assign | Action::Cancel | Action::Chase => ticket.status.is_open(),
        Action::Accept => {
            matches!(ticket.status, New | Assigned)
                || (matches!(ticket.status, InProgress) && ticket.assignment.assignee.is_none())
        }
        Action::SetWaiting => matches!(ticket.status, InProgress),
        Action::Resume => matches!(ticket.status, Waiting),
        // If a system already reported it as solved, only the attribution is missing.
        Action::Resolve => {
            matches!(ticket.status, InProgress | Waiting)
                || (ticket.status.is_open() && ticket.pending.as_ref().is_some_and(|step| step.status.is_solved()))
        }
        Action::Close => matches!(ticket.status, Resolved),
        Action::Reopen => matches!(ticket.status, Resolved | Closed),
        Action::Attribute | Action::Rate => ticket.status.is_solved(),
        Action::Cite => !matches!(ticket.status, Closed | Cancelled),
        Action::Comment | Action::CommentInternally | Action::Open | Action::Update | Action::Link | Action::Follow => {
            true
        }
    }
}

/// Checks the right before the status, so that a refusal does not reveal the status.
pub fn check(actor: &Actor, action: Action, ticket: &Ticket) -> Result<(), Refusal> {
    may(actor, action, ticket)?;
    if status_allows(action, ticket) {
        return Ok(());
    }
    let (verb, right) = match action {
        Action::Assign => (msg!("tickets-action-assign"), msg!("tickets-allowed-open")),
        Action::Accept => (msg!("tickets-action-accept"), msg!("tickets-allowed-new-or-assigned")),
        Action::SetWaiting => (msg!("tickets-action-set-waiting"), msg!("tickets-allowed-in-progress")),
        Action::Resume => (msg!("tickets-action-resume"), msg!("tickets-allowed-waiting")),
        Action::Resolve => (msg!("tickets-action-resolve"), msg!("tickets-allowed-in-progress-or-waiting")),
        Action::Close => (msg!("tickets-action-close"), msg!("tickets-allowed-resolved")),
        Action::Reopen => (msg!("tickets-action-reopen"), msg!("tickets-allowed-resolved-or-closed")),
        Action::Cancel => (msg!("tickets-action-cancel"), msg!("tickets-allowed-open")),
        Action::Chase => (msg!("tickets-action-chase"), msg!("tickets-allowed-open")),
        Action::Attribute => (msg!("tickets-action-attribute"), msg!("tickets-allowed-resolved-or-closed")),
        Action::Rate => (msg!("tickets-action-rate"), msg!("tickets-allowed-resolved-or-closed")),
        Action::Cite => (msg!("tickets-action-cite"), msg!("tickets-allowed-not-ended")),
        // Every status allows the others.
        _ => (msg!("tickets-action-change"), msg!("tickets-allowed-any")),
    };
    let status = ticket.status.as_str();
    Err(refuse(
        Code::InvalidTransition,
        "ticketId",
        msg!("tickets-transition-invalid", status = status, allowed = right, action = verb),
    ))
}

/// The next state with what every action changes: time stamps and first response.
fn next_state(actor: &Actor, ticket: &Ticket, now: Timestamp) -> Ticket {
    let mut next = ticket.clone();
    touch(&mut next, now, true);
    if counts_as_response(actor, ticket) {
        next.times.first_responded_at = next.times.first_responded_at.or(Some(now));
        next.times.asked_at = None;
    }
    next
}

fn touch(next: &mut Ticket, now: Timestamp, public: bool) {
    next.times.updated_at = now;
    if public {
        next.times.public_updated_at = now;
    }
}

fn decision(next: Ticket, fact: Fact) -> Decision {
    Decision { next, facts: vec![fact], participants: Vec::new() }
}

/// The person to assign a ticket to.
pub struct Assignee {
    pub id: UserId,
    pub is_staff: bool,
    pub is_enabled: bool,
    /// Their first team.
    pub team: Option<TeamId>,
}

/// `None`: the ticket is theirs already.
pub fn assign(ticket: &Ticket, actor: &Actor, now: Timestamp, to: &Assignee) -> Result<Option<Decision>, Refusal> {
    check(actor, Action::Assign, ticket)?;
    if !to.is_staff || !to.is_enabled {
        return Err(refuse(Code::Invalid, "assigneeId", msg!("tickets-assignee-invalid")));
    }
    if ticket.assignment.assignee == Some(to.id) {
        return Ok(None);
    }
    let mut next = ticket.clone();
    touch(&mut next, now, true);
    // Handing over one's own ticket counts as a response; assigning another person's ticket does not.
    if counts_as_response(actor, ticket)
        && ticket.assignment.assignee.is_some()
        && ticket.assignment.assignee == actor.user_id()
    {
        next.times.first_responded_at = next.times.first_responded_at.or(Some(now));
    }
    next.assignment.assignee = Some(to.id);
    next.assignment.team = next.assignment.team.or(to.team);
    let hand_over = count_hand_over(ticket, &mut next);
    if ticket.status != TicketStatus::Waiting {
        next.status = TicketStatus::Assigned;
    }
    let participants =
        ticket.assignment.assignee.map(|owner| (owner, ParticipantReason::EarlierOwner)).into_iter().collect();
    Ok(Some(Decision { next, facts: vec![Fact::Assigned { hand_over }], participants }))
}

/// The assignee accepts the ticket. An agent may claim an unassigned one; a supervisor may take over an assigned one.
pub fn accept(ticket: &Ticket, actor: &Actor, now: Timestamp, team: Option<TeamId>) -> Result<Decision, Refusal> {
    check(actor, Action::Accept, ticket)?;
    let Some(me) = actor.user_id() else {
        return Err(refuse(Code::Forbidden, "ticketId", msg!("tickets-accept-forbidden")));
    };
    let mut next = next_state(actor, ticket, now);
    let mut participants = Vec::new();
    if let Some(owner) = ticket.assignment.assignee.filter(|owner| *owner != me) {
        participants.push((owner, ParticipantReason::EarlierOwner));
    }
    next.assignment.assignee = Some(me);
    next.assignment.team = next.assignment.team.or(team);
    next.assignment.accepted = true;
    count_hand_over(ticket, &mut next);
    next.status = TicketStatus::InProgress;
    Ok(Decision { next, facts: vec![Fact::Accepted], participants })
}

pub fn set_waiting(ticket: &Ticket, actor: &Actor, now: Timestamp, reason: &str) -> Result<Decision, Refusal> {
    check(actor, Action::SetWaiting, ticket)?;
    let reason = text::body("reason", reason, REASON_CHARS_MAX)?;
    let mut next = next_state(actor, ticket, now);
    next.status = TicketStatus::Waiting;
    let fact = Fact::WaitingSet { text_digest: text_digest(&reason) };
    next.waiting_reason = Some(reason);
    Ok(decision(next, fact))
}

pub fn resume(ticket: &Ticket, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    check(actor, Action::Resume, ticket)?;
    let mut next = next_state(actor, ticket, now);
    resume_work(&mut next, actor);
    Ok(decision(next, Fact::Resumed))
}

fn resume_work(next: &mut Ticket, actor: &Actor) {
    next.status = TicketStatus::InProgress;
    next.waiting_reason = None;
    // Working on an assigned ticket implies accepting it.
    next.assignment.accepted =
        next.assignment.accepted || (next.assignment.assignee.is_some() && next.assignment.assignee == actor.user_id());
}

/// Checks that an attribution is complete, and normalizes its text.
pub fn attribution(given: &AttributionDetails) -> Result<AttributionDetails, Refusal> {
    let incomplete = |field: &str, message| refuse(Code::AttributionIncomplete, field, message);
    if given.solution_tags.is_empty() {
        return Err(incomplete("attribution.solutionTags", msg!("tickets-solution-tag-required")));
    }
    if given.resolution.trim().is_empty() {
        return Err(incomplete("attribution.resolution", msg!("tickets-resolution-required")));
    }
    let resolution =
        text::body("resolution", &given.resolution, BODY_CHARS_MAX).map_err(|r| r.inside("attribution"))?;
    Ok(AttributionDetails { resolution, ..given.clone() })
}

/// The one way into RESOLVED: it requires a complete attribution (checked by [`attribution`]).
pub fn resolve(
    ticket: &Ticket,
    actor: &Actor,
    now: Timestamp,
    given: &AttributionDetails,
) -> Result<Decision, Refusal> {
    check(actor, Action::Resolve, ticket)?;
    let given = attribution(given)?;
    let mut next = next_state(actor, ticket, now);
    next.status = TicketStatus::Resolved;
    next.closing.resolved_at = Some(now);
    if next.closing.first_resolved_at.is_none() {
        next.closing.first_resolved_at = Some(now);
        next.closing.first_resolution_hand_overs = next.counts.hand_overs;
    }
    next.waiting_reason = None;
    Ok(decision(next, Fact::Resolved { text_digest: text_digest(&given.resolution) }))
}

/// Attributes an imported ticket, or corrects an attribution.
pub fn attribute(
    ticket: &Ticket,
    actor: &Actor,
    now: Timestamp,
    given: &AttributionDetails,
) -> Result<Decision, Refusal> {
    check(actor, Action::Attribute, ticket)?;
    let given = attribution(given)?;
    let mut next = ticket.clone();
    touch(&mut next, now, false);
    Ok(decision(next, Fact::Attributed { text_digest: text_digest(&given.resolution) }))
}

/// By a person, or by the job that closes resolved tickets.
pub fn close(ticket: &Ticket, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    check(actor, Action::Close, ticket)?;
    let mut next = next_state(actor, ticket, now);
    next.status = TicketStatus::Closed;
    next.closing.closed_at = Some(now);
    Ok(decision(next, Fact::Closed { automatic: *actor == Actor::System }))
}

/// `comment`: holds the reason.
pub fn reopen(ticket: &Ticket, actor: &Actor, now: Timestamp, comment: Option<CommentId>) -> Result<Decision, Refusal> {
    check(actor, Action::Reopen, ticket)?;
    let mut next = next_state(actor, ticket, now);
    next.status = TicketStatus::InProgress;
    next.counts.reopenings += 1;
    next.closing.first_reopened_at = next.closing.first_reopened_at.or(Some(now));
    next.closing.resolved_at = None;
    next.closing.closed_at = None;
    if !counts_as_response(actor, ticket) {
        next.times.asked_at = Some(now);
    }
    Ok(decision(next, Fact::Reopened { comment }))
}

pub fn cancel(ticket: &Ticket, actor: &Actor, now: Timestamp, reason: &str) -> Result<Decision, Refusal> {
    check(actor, Action::Cancel, ticket)?;
    let reason = text::body("reason", reason, REASON_CHARS_MAX)?;
    let mut next = next_state(actor, ticket, now);
    next.status = TicketStatus::Cancelled;
    next.waiting_reason = None;
    let fact = Fact::Cancelled { text_digest: text_digest(&reason) };
    next.closing.cancel_reason = Some(reason);
    Ok(decision(next, fact))
}

/// A requester asks again; staff may record it for them. It does not count as a response.
pub fn chase(ticket: &Ticket, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    check(actor, Action::Chase, ticket)?;
    let mut next = ticket.clone();
    touch(&mut next, now, true);
    next.counts.chases += 1;
    next.times.asked_at = next.times.asked_at.or(Some(now));
    Ok(decision(next, Fact::Chased))
}

/// A member of staff opened the ticket for the first time. Opening by a requester changes nothing (`None`).
pub fn open(ticket: &Ticket, actor: &Actor, now: Timestamp, already_opened: bool) -> Result<Option<Decision>, Refusal> {
    check(actor, Action::Open, ticket)?;
    if already_opened || !counts_as_response(actor, ticket) {
        return Ok(None);
    }
    let mut next = ticket.clone();
    touch(&mut next, now, false);
    if next.times.first_opened_at.is_none() {
        next.times.first_opened_at = Some(now);
        next.times.first_opened_by = actor.user_id();
    }
    Ok(Some(decision(next, Fact::Opened)))
}

/// A requester's public comment resumes a waiting ticket.
pub fn comment(
    ticket: &Ticket,
    actor: &Actor,
    now: Timestamp,
    id: CommentId,
    body: &str,
    visibility: Visibility,
) -> Result<Decision, Refusal> {
    let action = if visibility == Visibility::Internal { Action::CommentInternally } else { Action::Comment };
    check(actor, action, ticket)?;
    let mut next = ticket.clone();
    touch(&mut next, now, visibility == Visibility::Public);
    let response = counts_as_response(actor, ticket);
    if response {
        next.times.first_responded_at = next.times.first_responded_at.or(Some(now));
    }
    // An internal note answers nobody.
    if visibility == Visibility::Public {
        next.times.asked_at = if response { None } else { next.times.asked_at.or(Some(now)) };
    }
    let mut facts = vec![Fact::Commented { comment: id, visibility, text_digest: text_digest(body) }];
    if ticket.status == TicketStatus::Waiting && visibility == Visibility::Public && !response {
        resume_work(&mut next, actor);
        facts.push(Fact::Resumed);
    }
    Ok(Decision { next, facts, participants: Vec::new() })
}

/// The fields to change, checked against the catalogue.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub title: Option<String>,
    pub description: Option<String>,
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    /// `Some(None)`: removes it.
    pub device: Option<Option<String>>,
    pub team: Option<TeamId>,
    pub required_skills: Option<Vec<String>>,
}

pub fn update(ticket: &Ticket, actor: &Actor, now: Timestamp, changes: &Changes) -> Result<Option<Decision>, Refusal> {
    check(actor, Action::Update, ticket)?;
    let Changes { title, description, priority, issue_type, product, device, team, required_skills } = changes.clone();
    let mut next = ticket.clone();
    let mut fields = Vec::new();
    macro_rules! set {
        ($slot:expr, $value:expr, $name:literal) => {
            if let Some(value) = $value
                && $slot != value
            {
                $slot = value;
                fields.push($name.to_owned());
            }
        };
    }
    set!(next.request.title, title, "title");
    set!(next.request.description, description, "description");
    set!(next.request.priority, priority, "priority");
    set!(next.request.issue_type, issue_type.map(Some), "issueType");
    // Whoever gives the product that was recognised from the text confirms it.
    if product.is_some() && next.request.product_recognised_by.take().is_some() && product == next.request.product {
        fields.push("product".to_owned());
    }
    set!(next.request.product, product.map(Some), "product");
    set!(next.request.device, device, "device");
    set!(next.assignment.team, team.map(Some), "team");
    set!(next.request.required_skills, required_skills, "requiredSkills");
    if fields.is_empty() {
        return Ok(None);
    }
    touch(&mut next, now, true);
    count_hand_over(ticket, &mut next);
    Ok(Some(decision(next, Fact::Updated { fields })))
}

/// Removes texts permanently; for administrators, in every status.
pub fn redact(
    ticket: &Ticket,
    now: Timestamp,
    texts: &[TicketText],
    comments: &[CommentId],
) -> Result<Decision, Refusal> {
    if texts.is_empty() && comments.is_empty() {
        return Err(refuse(Code::Required, "texts", msg!("tickets-redaction-unspecified")));
    }
    let mut next = ticket.clone();
    for text in texts {
        match text {
            TicketText::Title => next.request.title = REDACTED.clone(),
            TicketText::Description => next.request.description = REDACTED.clone(),
            TicketText::WaitingReason => next.waiting_reason = next.waiting_reason.map(|_| REDACTED.clone()),
            TicketText::CancelReason => {
                next.closing.cancel_reason = next.closing.cancel_reason.map(|_| REDACTED.clone())
            }
            // No placeholder: two redacted devices must not compare as equal.
            TicketText::Device => next.request.device = None,
            // Stored with the attribution and the survey.
            TicketText::Resolution | TicketText::RatingComment => {}
        }
    }
    touch(&mut next, now, true);
    Ok(decision(next, Fact::Redacted { texts: texts.to_vec(), comments: comments.to_vec() }))
}

/// Rejects a pending report.
pub fn dismiss_pending(ticket: &Ticket, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    if ticket.pending.is_none() {
        return Err(refuse(Code::InvalidTransition, "ticketId", msg!("tickets-report-not-pending")));
    }
    let mut next = next_state(actor, ticket, now);
    next.pending = None;
    Ok(decision(next, Fact::ReportSettled))
}

/// Records an action that changes related data only: references, followers, citations, ratings.
pub fn record_activity(
    ticket: &Ticket,
    actor: &Actor,
    now: Timestamp,
    action: Action,
    fact: Fact,
) -> Result<Decision, Refusal> {
    check(actor, action, ticket)?;
    let mut next = ticket.clone();
    touch(&mut next, now, !fact.is_internal());
    Ok(decision(next, fact))
}
