//! Which ticket a message belongs to, and what it means there.

use std::time::Duration;

use super::words::{is_chase, is_thanks};
use crate::kernel::{TicketId, Timestamp, days};
use crate::tickets::model::TicketStatus;

/// A message of a chat without a reference belongs to the writer's ticket of this time.
pub const CONVERSATION_TTL: Duration = days(7);

/// A ticket that a message may belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub ticket: TicketId,
    pub status: TicketStatus,
    /// When it was resolved, closed or cancelled.
    pub ended_at: Option<Timestamp>,
    /// The last change that its requester could see.
    pub changed_at: Timestamp,
    /// The chats in which its requester wrote about it.
    pub conversations: Vec<String>,
    /// The subjects of the mails about it, without prefixes.
    pub subjects: Vec<String>,
}

/// A message, as far as its thread depends on it.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The words of the writer, without what they quote.
    pub text: &'a str,
    /// The subject of a mail without prefixes; `None`: a chat message.
    pub subject: Option<&'a str>,
    /// Whether the subject says that the mail is a reply.
    pub is_reply: bool,
    pub conversation: Option<&'a str>,
    /// The ticket that it refers to: by its token, or by a message that it replies to.
    pub referred: Option<Candidate>,
    /// The other tickets about which its writer wrote by this channel, the one they wrote about last first.
    pub recent: &'a [Candidate],
    /// It says that it is about something new.
    pub is_new_matter: bool,
}

/// What a message does to the ticket that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Comment,
    /// A comment that asks again.
    Chase,
    /// A comment that says that the matter is not settled.
    Reopen,
}

/// The ticket that a message belongs to; `None`: it is a new request. `reopen_within`: how long after its end a ticket still
/// takes messages.
pub fn thread(message: &Incoming<'_>, reopen_within: Duration, now: Timestamp) -> Option<(TicketId, Effect)> {
    if message.is_new_matter {
        return None;
    }
    let takes = |candidate: &&Candidate| candidate.ended_at.is_none_or(|at| now < at + reopen_within);
    let found = match &message.referred {
        // A reply to what ended long ago is about something new.
        Some(referred) => Some(referred).filter(takes),
        None => without_reference(message, now),
    };
    found.map(|candidate| (candidate.ticket, effect(message.text, candidate.status)))
}

/// A mail with another subject is a new matter, unless it only asks again. A chat message belongs to the writer's only ticket, or to
/// the only one of its chat.
fn without_reference<'m>(message: &'m Incoming<'_>, now: Timestamp) -> Option<&'m Candidate> {
    let live: Vec<&Candidate> = message
        .recent
        .iter()
        .filter(|candidate| takes_chat(candidate.status) && now < candidate.changed_at + CONVERSATION_TTL)
        .collect();
    if let Some(subject) = message.subject {
        let same = live.iter().find(|candidate| candidate.subjects.iter().any(|known| known == subject)).copied();
        let asks_again = (is_chase(message.text) && (subject.is_empty() || is_chase(subject)))
            || (message.text.trim().is_empty() && is_chase(subject));
        // Devices send many mails with one subject, each about something new.
        return same
            .filter(|_| message.is_reply && !subject.is_empty())
            .or_else(|| live.first().copied().filter(|_| asks_again));
    }
    if is_chase(message.text) || is_thanks(message.text) {
        return live.first().copied();
    }
    let only = |all: &[&'m Candidate]| match all {
        [one] => Some(*one),
        _ => None,
    };
    let of_chat: Vec<&Candidate> = live
        .iter()
        .filter(|candidate| {
            message.conversation.is_some_and(|chat| candidate.conversations.iter().any(|of| of == chat))
        })
        .copied()
        .collect();
    only(&of_chat).or_else(|| only(&live))
}

/// Whether a message without a reference can belong to a ticket of this status.
const fn takes_chat(status: TicketStatus) -> bool {
    status.is_open() || matches!(status, TicketStatus::Resolved)
}

fn effect(text: &str, status: TicketStatus) -> Effect {
    match status {
        status if status.is_open() => {
            if is_chase(text) {
                Effect::Chase
            } else {
                Effect::Comment
            }
        }
        TicketStatus::Cancelled => Effect::Comment,
        _ if is_thanks(text) => Effect::Comment,
        _ => Effect::Reopen,
    }
}
