//! The texts of notifications, made from the current ticket.

use crate::kernel::{Arg, Message};
use crate::msg;
use crate::notifications::model::{
    Cause, Channel, ChannelAnswer, DeliveryState, FINAL, PROVISIONAL, Params, SMALL_SAMPLE, UnseenReason, Verdict,
};
use crate::tickets::model::{PendingNeeds, Priority, SlaMetric, Ticket};

/// A title and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedText {
    pub title: Message,
    pub body: Message,
}

fn priority_name(priority: Priority) -> Message {
    match priority {
        Priority::Urgent => msg!("priority-urgent"),
        Priority::High => msg!("priority-high"),
        Priority::Normal => msg!("priority-normal"),
        Priority::Low => msg!("priority-low"),
    }
}

/// A duration, to the minute.
fn duration(seconds: i64) -> Message {
    let minutes = seconds / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => msg!("duration-seconds", seconds = seconds),
        (0, minutes) => msg!("duration-minutes", minutes = minutes),
        (hours, 0) => msg!("duration-hours", hours = hours),
        (hours, minutes) => msg!("duration-hours-minutes", hours = hours, minutes = minutes),
    }
}

/// What a ticket is about, in one line.
fn subject_of(ticket: Option<&Ticket>) -> Message {
    match ticket {
        Some(ticket) => {
            let priority = priority_name(ticket.request.priority);
            msg!("notification-subject", priority = priority, title = ticket.request.title)
        }
        None => Message::literal("", ""),
    }
}

/// A line below the subject.
fn below(subject: &Message, line: Message) -> Message {
    msg!("notification-two-lines", first = *subject, second = line)
}

/// What a text is made of, besides the parameters of the notification.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    pub ticket: Option<&'a Ticket>,
    /// The name of the person in `params.about`.
    pub about: Option<&'a str>,
    /// The words that the message is about: of a comment, a reason, a solution.
    pub words: Option<&'a str>,
    /// The name of whoever has the ticket.
    pub assignee: Option<&'a str>,
    /// It is sent once more, because the first attempt may have failed.
    pub repeated: bool,
}

/// The words that a message is about, below the subject.
fn with_words(subject: &Message, words: Option<&str>) -> Message {
    match words.map(str::trim).filter(|words| !words.is_empty()) {
        Some(words) => below(subject, Message::literal(words, words)),
        None => subject.clone(),
    }
}

/// Who works on a ticket, for its requester.
fn handled_by(assignee: Option<&str>) -> Message {
    match assignee {
        Some(name) => msg!("notification-handled-by", name = name),
        None => msg!("notification-handled-by-nobody"),
    }
}

/// Who has a ticket, for staff.
fn assigned_to(assignee: Option<&str>) -> Message {
    match assignee {
        Some(name) => msg!("notification-assigned-to", name = name),
        None => msg!("notification-level-2-unassigned"),
    }
}

/// What happened to a ticket that somebody follows; `params.word` is the kind of the event.
fn update_of(params: &Params, about: Option<&str>) -> Message {
    let who = about.map_or_else(|| msg!("notification-buoy"), |about| Message::literal(about, about));
    match params.word.as_deref() {
        Some("TicketAssigned") => msg!("notification-update-assigned", author = who),
        Some("TicketAccepted") => msg!("notification-update-accepted", author = who),
        Some("TicketWaitingSet") => msg!("notification-update-waiting", author = who),
        Some("TicketResumed") => msg!("notification-update-resumed", author = who),
        Some("TicketResolved") => msg!("notification-update-resolved", author = who),
        Some("TicketClosed") => msg!("notification-update-closed", author = who),
        _ => msg!("notification-update-changed", author = who),
    }
}

/// The answer to what an engineer wrote by a channel.
fn channel_answer(params: &Params, number: &str, subject: &Message) -> (Message, Message) {
    let answer = params.word.as_deref().and_then(|word| word.parse::<ChannelAnswer>().ok());
    let title = match answer.unwrap_or(ChannelAnswer::NoTicket) {
        ChannelAnswer::Accepted => msg!("channel-answer-accepted", number = number),
        ChannelAnswer::Waiting => msg!("channel-answer-waiting", number = number),
        ChannelAnswer::ReplySent => msg!("channel-answer-reply-sent", number = number),
        ChannelAnswer::NoteAdded => msg!("channel-answer-note-added", number = number),
        ChannelAnswer::Resolve => msg!("channel-answer-resolve", number = number),
        ChannelAnswer::Refused => msg!("channel-answer-refused", number = number),
        ChannelAnswer::NoTicket => return (msg!("channel-answer-no-ticket"), msg!("channel-answer-no-ticket-body")),
    };
    (title, below(subject, msg!("channel-answer-body")))
}

/// Renders a notification.
pub fn render(cause: Cause, params: &Params, of: Subject<'_>) -> RenderedText {
    let Subject { ticket, about, words, assignee, repeated } = of;
    let number = ticket.map(|ticket| format!("#{}", ticket.number)).unwrap_or_default();
    let subject = subject_of(ticket);
    let waited = duration(params.waited.unwrap_or(0));
    let who = about.map_or_else(|| msg!("notification-somebody"), |about| Message::literal(about, about));
    let count = Arg::Number(params.count.unwrap_or(0));
    let (title, body) = match cause {
        Cause::Assigned => (msg!("notification-assigned", number = number), subject),
        Cause::Escalation1 => (
            msg!("notification-level-1", number = number, waited = waited),
            below(&subject, msg!("notification-level-1-body")),
        ),
        Cause::Escalation2 => {
            (msg!("notification-level-2", number = number, waited = waited), below(&subject, level_2(about)))
        }
        Cause::Escalation3 => {
            (msg!("notification-level-3", number = number, waited = waited), below(&subject, level_3(params, about)))
        }
        Cause::Mention => (msg!("notification-mention", author = who, number = number), with_words(&subject, words)),
        Cause::Comment => (msg!("notification-comment", author = who, number = number), with_words(&subject, words)),
        Cause::SlaRisk => {
            let response = params.word.as_deref() == Some(SlaMetric::FirstResponse.as_str());
            let target = if response { msg!("sla-first-response") } else { msg!("sla-resolution") };
            (msg!("notification-sla-risk", number = number, target = target), subject)
        }
        Cause::TeamQueue => {
            (msg!("notification-team-queue", number = number), below(&subject, msg!("notification-team-queue-body")))
        }
        Cause::Digest => (msg!("notification-digest", count = count), Message::literal("", "")),
        Cause::Credential => (msg!("notification-alert"), alert(params)),
        Cause::Knowledge if params.month.is_some() => {
            let month = params.month.as_deref().unwrap_or_default();
            match params.word.as_deref() {
                Some(FINAL) => {
                    (msg!("notification-report-final", month = month), msg!("notification-report-final-body"))
                }
                Some(PROVISIONAL) => {
                    (msg!("notification-report", month = month), msg!("notification-report-provisional-body"))
                }
                _ => (msg!("notification-report", month = month), msg!("notification-report-body")),
            }
        }
        Cause::Knowledge if params.card.is_none() => {
            let key = params.word.as_deref().unwrap_or_default();
            let name = params.name.clone().unwrap_or_else(|| Message::literal(key, key));
            let body = match (params.tickets, params.word.as_deref()) {
                (None, _) => msg!("notification-knowledge-gap-body", count = count),
                (Some(tickets), Some(SMALL_SAMPLE)) => {
                    msg!("notification-knowledge-gap-small-body", count = count, tickets = tickets)
                }
                (Some(tickets), _) => msg!("notification-knowledge-gap-of-body", count = count, tickets = tickets),
            };
            (msg!("notification-knowledge-gap", name = name), body)
        }
        Cause::Knowledge => (msg!("notification-card", count = count), msg!("notification-card-body")),
        Cause::Survey => {
            (msg!("notification-survey", number = number), below(&subject, msg!("notification-survey-body")))
        }
        Cause::PendingReport => {
            let status = name_of(params);
            (
                msg!("notification-pending-report", number = number, status = status),
                below(&subject, pending_report(params.word.as_deref())),
            )
        }
        Cause::Released => (
            msg!("notification-released", number = number),
            below(&subject, msg!("notification-released-body", waited = waited)),
        ),
        Cause::ContactMethod => {
            let channel =
                params.word.as_deref().and_then(|word| word.parse().ok()).map_or_else(|| name_of(params), channel_name);
            (msg!("notification-address-taken", channel = channel), msg!("notification-address-taken-body"))
        }
        Cause::Receipt => {
            (msg!("notification-receipt", number = number), below(&subject, msg!("notification-receipt-body")))
        }
        Cause::Progress => (msg!("notification-progress", number = number), below(&subject, handled_by(assignee))),
        Cause::Waiting => (
            msg!("notification-waiting", number = number),
            below(&with_words(&subject, words), msg!("notification-waiting-body")),
        ),
        Cause::Resolved => (
            msg!("notification-resolved", number = number),
            below(&with_words(&subject, words), msg!("notification-resolved-body")),
        ),
        Cause::Reopened => {
            (msg!("notification-reopened", number = number), below(&with_words(&subject, words), handled_by(assignee)))
        }
        Cause::Cancelled => (msg!("notification-cancelled", number = number), with_words(&subject, words)),
        Cause::Chased => {
            let chases = Arg::Number(ticket.map_or(1, |ticket| i64::from(ticket.counts.chases)));
            (msg!("notification-chased", number = number, count = chases), subject)
        }
        Cause::ChaseAnswer => {
            (msg!("notification-chase-answer", number = number), below(&subject, handled_by(assignee)))
        }
        Cause::Updated => (msg!("notification-updated", number = number), below(&subject, update_of(params, about))),
        Cause::SlaBreached => {
            let response = params.word.as_deref() == Some(SlaMetric::FirstResponse.as_str());
            let target = if response { msg!("sla-first-response") } else { msg!("sla-resolution") };
            (
                msg!("notification-sla-breached", number = number, target = target),
                below(&subject, assigned_to(assignee)),
            )
        }
        Cause::OwnerGone => (
            msg!("notification-owner-gone", name = who, count = count),
            msg!("notification-owner-gone-body", tickets = name_of(params)),
        ),
        Cause::ChannelAnswer => channel_answer(params, &number, &subject),
        Cause::Prediction => (msg!("notification-prediction"), subject),
    };
    let title = if repeated { msg!("notification-sent-again", title = title) } else { title };
    RenderedText { title, body }
}

/// The name of a channel in both languages.
fn channel_name(channel: Channel) -> Message {
    match channel {
        Channel::Web => msg!("channel-web"),
        Channel::Wecom => msg!("channel-wecom"),
        Channel::Dingtalk => msg!("channel-dingtalk"),
        Channel::Feishu => msg!("channel-feishu"),
        Channel::WebPush => msg!("channel-web-push"),
        Channel::Email => msg!("channel-email"),
        Channel::Sms => msg!("channel-sms"),
    }
}

fn name_of(params: &Params) -> Message {
    params.name.clone().unwrap_or_else(|| Message::literal("", ""))
}

fn level_2(about: Option<&str>) -> Message {
    match about {
        Some(about) => msg!("notification-level-2-assigned", name = about),
        None => msg!("notification-level-2-unassigned"),
    }
}

fn level_3(params: &Params, about: Option<&str>) -> Message {
    match (params.word.as_deref() == Some("STAYS"), about) {
        (true, Some(about)) => msg!("notification-level-3-stays", name = about),
        (_, None) => msg!("notification-level-3-unassigned"),
        (false, Some(about)) => msg!("notification-level-3-reassigned", name = about),
    }
}

/// What a reported status still needs.
fn pending_report(needs: Option<&str>) -> Message {
    match needs.and_then(|text| text.parse::<PendingNeeds>().ok()) {
        Some(PendingNeeds::Attribution) => msg!("notification-pending-attribution"),
        Some(PendingNeeds::Assignee) => msg!("notification-pending-assignee"),
        Some(PendingNeeds::Decision) | None => msg!("notification-pending-decision"),
    }
}

/// When a credential expires.
fn expires_in(days: i64) -> Message {
    if days == 0 { msg!("expires-today") } else { msg!("expires-in-days", days = Arg::Number(days)) }
}

/// Alerts about Buoy itself, for administrators.
fn alert(params: &Params) -> Message {
    let count = params.count.unwrap_or(0);
    let name = name_of(params);
    match params.word.as_deref() {
        Some("CLOCK_JUMPED") => msg!("alert-clock-jumped", seconds = count),
        Some("SYSTEM_DISABLED") => msg!("alert-system-disabled", name = name),
        Some("SIGNATURE_FAILING") => msg!("alert-signature-failing", name = name),
        Some("QUARANTINE_FULL") => msg!("alert-quarantine-full", name = name),
        Some("CREDENTIAL_FAILING") => msg!("alert-credential-failing", name = name),
        Some("CANARY_LOST") => msg!("alert-canary-lost", name = name),
        Some("GATEWAY_SILENT") => msg!("alert-gateway-silent", name = name),
        Some("CREDENTIAL_EXPIRING") => msg!("alert-credential-expiring", name = name, when = expires_in(count)),
        Some("CREDENTIAL_ROTATED") => msg!("alert-credential-rotated", name = name),
        Some("UNKNOWN_WORD") => msg!("alert-unknown-status", name = name),
        word => Message::literal(word.unwrap_or_default(), word.unwrap_or_default()),
    }
}

/// The failure of a delivery on a channel without a sender.
pub fn no_sender(channel: Channel) -> Message {
    msg!("notification-no-sender", channel = channel.as_str())
}

/// The reason of a verdict as a sentence.
pub fn unseen(verdict: &Verdict, assignee: Option<&str>) -> Message {
    let who = assignee.unwrap_or("?");
    let last = verdict.evidence.iter().flat_map(|n| &n.deliveries).rev().find_map(|d| d.failure.as_ref());
    let is_pending = verdict
        .evidence
        .iter()
        .flat_map(|n| &n.deliveries)
        .any(|d| matches!(d.state, DeliveryState::Queued | DeliveryState::Sending));
    match (verdict.reason, last) {
        (UnseenReason::NeverSent, Some(failure)) if is_pending => {
            msg!("unseen-retrying", name = who, failure = *failure)
        }
        (UnseenReason::NobodyAssigned, _) => msg!("unseen-nobody-assigned"),
        (UnseenReason::NeverSent, Some(failure)) => msg!("unseen-all-failed", name = who, failure = *failure),
        (UnseenReason::NeverSent, None) => msg!("unseen-never-sent", name = who),
        (UnseenReason::NotDelivered, _) => msg!("unseen-not-delivered", name = who),
        (UnseenReason::DeliveryUnknown, _) => msg!("unseen-delivery-unknown", name = who),
        (UnseenReason::NotOpened, _) => msg!("unseen-not-opened", name = who),
        (UnseenReason::OpenedAndLeft, _) => msg!("unseen-opened", name = who),
    }
}
