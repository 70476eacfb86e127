//! The life of a ticket: one function per verb, one table of which verb fits which status.

use sha2::{Digest, Sha256};

use super::rights::{may, responds};
use crate::kernel::text::{self, BODY_CHARS_MAX, REASON_CHARS_MAX, REDACTED};
use crate::kernel::{Actor, Code, CommentId, Refusal, TeamId, Timestamp, UserId, refuse};
use crate::tickets::model::{
    Action, AttributionGiven, Fact, ParticipantReason, Priority, Ticket, TicketStatus, TicketText, Visibility,
};

/// What a verb decided: the ticket as it is to be, and what is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub next: Ticket,
    pub facts: Vec<Fact>,
    pub participants: Vec<(UserId, ParticipantReason)>,
}

/// The digest by which the log names a text.
pub fn text_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Which action fits which status: the life-cycle.
pub fn fits(action: Action, ticket: &Ticket) -> bool {
    use TicketStatus::{Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};
    match action {
        Action::Assign | Action::Cancel | Action::Chase => ticket.status.is_open(),
        Action::Accept => {
            matches!(ticket.status, New | Assigned)
                || (matches!(ticket.status, InProgress) && ticket.assignee.is_none())
        }
        Action::SetWaiting => matches!(ticket.status, InProgress),
        Action::Resume => matches!(ticket.status, Waiting),
        // Where a system has said so already, the attribution is all that is missing.
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

/// The right first, then the status: who may not do a thing is not told whether it would fit.
pub fn check(actor: &Actor, action: Action, ticket: &Ticket) -> Result<(), Refusal> {
    may(actor, action, ticket)?;
    if fits(action, ticket) {
        return Ok(());
    }
    let (verb, verb_zh, right, right_zh) = match action {
        Action::Assign => ("assigned", "指派", "an open ticket", "未结束的工单"),
        Action::Accept => ("accepted", "受理", "a NEW or ASSIGNED ticket", "状态为 NEW 或 ASSIGNED 的工单"),
        Action::SetWaiting => ("set to waiting", "挂起", "a ticket IN_PROGRESS", "状态为 IN_PROGRESS 的工单"),
        Action::Resume => ("resumed", "恢复", "a WAITING ticket", "状态为 WAITING 的工单"),
        Action::Resolve => (
            "resolved",
            "解决",
            "a ticket IN_PROGRESS or WAITING (accept it first)",
            "状态为 IN_PROGRESS 或 WAITING 的工单（请先受理）",
        ),
        Action::Close => ("closed", "关闭", "a RESOLVED ticket", "状态为 RESOLVED 的工单"),
        Action::Reopen => ("reopened", "重新打开", "a RESOLVED or CLOSED ticket", "状态为 RESOLVED 或 CLOSED 的工单"),
        Action::Cancel => ("cancelled", "取消", "an open ticket", "未结束的工单"),
        Action::Chase => ("chased", "催单", "an open ticket", "未结束的工单"),
        Action::Attribute => ("attributed", "归因", "a RESOLVED or CLOSED ticket", "状态为 RESOLVED 或 CLOSED 的工单"),
        Action::Rate => ("rated", "评价", "a RESOLVED or CLOSED ticket", "状态为 RESOLVED 或 CLOSED 的工单"),
        Action::Cite => {
            ("given a citation", "引用方案", "a ticket that is neither CLOSED nor CANCELLED", "未关闭且未取消的工单")
        }
        Action::Comment | Action::CommentInternally | Action::Open | Action::Update | Action::Link | Action::Follow => {
            ("changed", "修改", "any ticket", "任何工单")
        }
    };
    let status = ticket.status.word();
    Err(refuse(
        Code::InvalidTransition,
        "ticketId",
        format!("This ticket is {status}; only {right} can be {verb}."),
        format!("该工单当前状态为 {status}，只有{right_zh}才能{verb_zh}。"),
    ))
}

/// The next state before the verb changes it: what every change has in common.
fn begin(actor: &Actor, ticket: &Ticket, now: Timestamp) -> Ticket {
    let mut next = ticket.clone();
    touch(&mut next, now, true);
    if responds(actor, ticket) {
        next.first_responded_at = next.first_responded_at.or(Some(now));
    }
    next
}

fn touch(next: &mut Ticket, now: Timestamp, public: bool) {
    next.updated_at = now;
    if public {
        next.public_updated_at = now;
    }
}

fn done(next: Ticket, fact: Fact) -> Decision {
    Decision { next, facts: vec![fact], participants: Vec::new() }
}

/// Who is to get a ticket.
pub struct Assignee {
    pub id: UserId,
    pub is_staff: bool,
    pub is_enabled: bool,
    /// Their first team.
    pub team: Option<TeamId>,
}

pub fn assign(ticket: &Ticket, actor: &Actor, now: Timestamp, to: &Assignee) -> Result<Decision, Refusal> {
    check(actor, Action::Assign, ticket)?;
    if !to.is_staff || !to.is_enabled {
        return Err(refuse(
            Code::Invalid,
            "assigneeId",
            "Tickets are assigned to agents, supervisors or administrators whose account is enabled.",
            "工单只能指派给账号有效的工程师、主管或管理员。",
        ));
    }
    if ticket.assignee == Some(to.id) {
        return Err(refuse(Code::Invalid, "assigneeId", "The ticket is theirs already.", "该工单已由此人负责。"));
    }
    // Giving away what nobody has accepted is no hand-over.
    let hand_over = ticket.assignee.is_some() && ticket.accepted;
    let mut next = ticket.clone();
    touch(&mut next, now, true);
    // Dispatching somebody else's ticket is no response to the requester; handing over one's own is.
    if responds(actor, ticket) && ticket.assignee.is_some() && ticket.assignee == actor.user_id() {
        next.first_responded_at = next.first_responded_at.or(Some(now));
    }
    next.assignee = Some(to.id);
    next.accepted = false;
    next.team = next.team.or(to.team);
    next.hand_over_count += i32::from(hand_over);
    if ticket.status != TicketStatus::Waiting {
        next.status = TicketStatus::Assigned;
    }
    let participants = ticket.assignee.map(|owner| (owner, ParticipantReason::EarlierOwner)).into_iter().collect();
    Ok(Decision { next, facts: vec![Fact::Assigned { hand_over }], participants })
}

/// The assignee takes the ticket on. A ticket that is nobody's is taken; a supervisor takes over somebody's.
pub fn accept(ticket: &Ticket, actor: &Actor, now: Timestamp, team: Option<TeamId>) -> Result<Decision, Refusal> {
    check(actor, Action::Accept, ticket)?;
    let Some(me) = actor.user_id() else {
        return Err(refuse(Code::Forbidden, "ticketId", "Only people accept tickets.", "只有人员可以受理工单。"));
    };
    let mut next = begin(actor, ticket, now);
    let mut participants = Vec::new();
    if let Some(owner) = ticket.assignee.filter(|owner| *owner != me) {
        participants.push((owner, ParticipantReason::EarlierOwner));
    }
    next.assignee = Some(me);
    next.team = next.team.or(team);
    next.accepted = true;
    next.status = TicketStatus::InProgress;
    Ok(Decision { next, facts: vec![Fact::Accepted], participants })
}

pub fn set_waiting(ticket: &Ticket, actor: &Actor, now: Timestamp, reason: &str) -> Result<Decision, Refusal> {
    check(actor, Action::SetWaiting, ticket)?;
    let reason = text::body("reason", reason, REASON_CHARS_MAX)?;
    let mut next = begin(actor, ticket, now);
    next.status = TicketStatus::Waiting;
    let fact = Fact::WaitingSet { text_digest: text_digest(&reason) };
    next.waiting_reason = Some(reason);
    Ok(done(next, fact))
}

pub fn resume(ticket: &Ticket, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    check(actor, Action::Resume, ticket)?;
    let mut next = begin(actor, ticket, now);
    go_on(&mut next, actor);
    Ok(done(next, Fact::Resumed))
}

fn go_on(next: &mut Ticket, actor: &Actor) {
    next.status = TicketStatus::InProgress;
    next.waiting_reason = None;
    // Somebody who works on what was handed to them has accepted it.
    next.accepted = next.accepted || (next.assignee.is_some() && next.assignee == actor.user_id());
}

/// An attribution that says all it must, with its text in order.
pub fn attribution(given: &AttributionGiven) -> Result<AttributionGiven, Refusal> {
    let incomplete = |field: &str, en: &str, zh: &str| refuse(Code::AttributionIncomplete, field, en, zh);
    if given.solution_tags.is_empty() {
        return Err(incomplete(
            "attribution.solutionTags",
            "Name at least one solution tag.",
            "请至少选择一个解决方案标签。",
        ));
    }
    if given.resolution.trim().is_empty() {
        return Err(incomplete(
            "attribution.resolution",
            "Say how it was resolved: the next engineer will read it.",
            "请填写解决过程，供下一位工程师参考。",
        ));
    }
    let resolution =
        text::body("resolution", &given.resolution, BODY_CHARS_MAX).map_err(|r| r.inside("attribution"))?;
    Ok(AttributionGiven { resolution, ..given.clone() })
}

/// The one way into RESOLVED: it takes a complete attribution (checked by [`attribution`]).
pub fn resolve(ticket: &Ticket, actor: &Actor, now: Timestamp, given: &AttributionGiven) -> Result<Decision, Refusal> {
    check(actor, Action::Resolve, ticket)?;
    let given = attribution(given)?;
    let mut next = begin(actor, ticket, now);
    next.status = TicketStatus::Resolved;
    next.resolved_at = Some(now);
    if next.first_resolved_at.is_none() {
        next.first_resolved_at = Some(now);
        next.first_resolution_hand_overs = next.hand_over_count;
    }
    next.waiting_reason = None;
    Ok(done(next, Fact::Resolved { text_digest: text_digest(&given.resolution) }))
}

/// Attributes history that came without, or mends an attribution.
pub fn attribute(
    ticket: &Ticket,
    actor: &Actor,
    now: Timestamp,
    given: &AttributionGiven,
) -> Result<Decision, Refusal> {
    check(actor, Action::Attribute, ticket)?;
    let given = attribution(given)?;
    let mut next = ticket.clone();
    touch(&mut next, now, false);
    Ok(done(next, Fact::Attributed { text_digest: text_digest(&given.resolution) }))
}

/// By somebody, or by itself when its time has come.
pub fn close(ticket: &Ticket, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    check(actor, Action::Close, ticket)?;
    let mut next = begin(actor, ticket, now);
    next.status = TicketStatus::Closed;
    next.closed_at = Some(now);
    Ok(done(next, Fact::Closed { automatic: *actor == Actor::System }))
}

/// `comment`: where the reason stands.
pub fn reopen(ticket: &Ticket, actor: &Actor, now: Timestamp, comment: Option<CommentId>) -> Result<Decision, Refusal> {
    check(actor, Action::Reopen, ticket)?;
    let mut next = begin(actor, ticket, now);
    next.status = TicketStatus::InProgress;
    next.reopen_count += 1;
    next.first_reopened_at = next.first_reopened_at.or(Some(now));
    next.resolved_at = None;
    next.closed_at = None;
    Ok(done(next, Fact::Reopened { comment }))
}

pub fn cancel(ticket: &Ticket, actor: &Actor, now: Timestamp, reason: &str) -> Result<Decision, Refusal> {
    check(actor, Action::Cancel, ticket)?;
    let reason = text::body("reason", reason, REASON_CHARS_MAX)?;
    let mut next = begin(actor, ticket, now);
    next.status = TicketStatus::Cancelled;
    next.waiting_reason = None;
    let fact = Fact::Cancelled { text_digest: text_digest(&reason) };
    next.cancel_reason = Some(reason);
    Ok(done(next, fact))
}

/// A requester asks again; somebody of the staff may note it for them. It is no response.
pub fn chase(ticket: &Ticket, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    check(actor, Action::Chase, ticket)?;
    let mut next = ticket.clone();
    touch(&mut next, now, true);
    next.chase_count += 1;
    Ok(done(next, Fact::Chased))
}

/// 'I have looked at it': for the responsible side. A requester's look is no fact, and changes nothing (`None`).
pub fn open(ticket: &Ticket, actor: &Actor, now: Timestamp, already: bool) -> Result<Option<Decision>, Refusal> {
    check(actor, Action::Open, ticket)?;
    if already || !responds(actor, ticket) {
        return Ok(None);
    }
    let mut next = ticket.clone();
    touch(&mut next, now, false);
    if next.first_opened_at.is_none() {
        next.first_opened_at = Some(now);
        next.first_opened_by = actor.user_id();
    }
    Ok(Some(done(next, Fact::Opened)))
}

/// A requester's public answer to a waiting ticket sets it going again.
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
    let responds = responds(actor, ticket);
    if responds {
        next.first_responded_at = next.first_responded_at.or(Some(now));
    }
    let mut facts = vec![Fact::Commented { comment: id, visibility, text_digest: text_digest(body) }];
    if ticket.status == TicketStatus::Waiting && visibility == Visibility::Public && !responds {
        go_on(&mut next, actor);
        facts.push(Fact::Resumed);
    }
    Ok(Decision { next, facts, participants: Vec::new() })
}

/// What of a ticket is to change, checked against the catalogue.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub title: Option<String>,
    pub description: Option<String>,
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    /// `Some(None)`: none.
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
    set!(next.title, title, "title");
    set!(next.description, description, "description");
    set!(next.priority, priority, "priority");
    set!(next.issue_type, issue_type.map(Some), "issueType");
    set!(next.product, product.map(Some), "product");
    set!(next.device, device, "device");
    set!(next.team, team.map(Some), "team");
    set!(next.required_skills, required_skills, "requiredSkills");
    if fields.is_empty() {
        return Ok(None);
    }
    touch(&mut next, now, true);
    Ok(Some(done(next, Fact::Updated { fields })))
}

/// Takes texts out for good; an act of an administrator, whatever the status.
pub fn redact(
    ticket: &Ticket,
    now: Timestamp,
    texts: &[TicketText],
    comments: &[CommentId],
) -> Result<Decision, Refusal> {
    if texts.is_empty() && comments.is_empty() {
        return Err(refuse(
            Code::Required,
            "texts",
            "Say what is to be redacted: texts, commentIds or both.",
            "请指定要隐去的内容：texts、commentIds 或两者。",
        ));
    }
    let mut next = ticket.clone();
    for text in texts {
        match text {
            TicketText::Title => next.title = REDACTED.to_owned(),
            TicketText::Description => next.description = REDACTED.to_owned(),
            TicketText::WaitingReason => next.waiting_reason = next.waiting_reason.map(|_| REDACTED.to_owned()),
            TicketText::CancelReason => next.cancel_reason = next.cancel_reason.map(|_| REDACTED.to_owned()),
            // Nothing in its place: two that were taken out are not the same device.
            TicketText::Device => next.device = None,
            // Stand with the attribution and the survey.
            TicketText::Resolution | TicketText::RatingComment => {}
        }
    }
    touch(&mut next, now, true);
    Ok(done(next, Fact::Redacted { texts: texts.to_vec(), comments: comments.to_vec() }))
}

/// What a system reported, and what waits for somebody, is not so.
pub fn dismiss_pending(ticket: &Ticket, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    if ticket.pending.is_none() {
        return Err(refuse(
            Code::InvalidTransition,
            "ticketId",
            "No reported step waits on this ticket.",
            "该工单没有待处理的上报状态。",
        ));
    }
    let mut next = begin(actor, ticket, now);
    next.pending = None;
    Ok(done(next, Fact::ReportSettled))
}

/// Changes of what stands beside the ticket: references, followers.
pub fn beside(ticket: &Ticket, actor: &Actor, now: Timestamp, action: Action, fact: Fact) -> Result<Decision, Refusal> {
    check(actor, action, ticket)?;
    let mut next = ticket.clone();
    touch(&mut next, now, !fact.is_internal());
    Ok(done(next, fact))
}
