//! A survey and its answer.

use serde::Serialize;

use crate::kernel::{TicketId, Timestamp, UserId};

/// The best answer; 1 is the worst.
pub const SCORE_MAX: i32 = 5;
/// From here on somebody counts as content.
pub const CONTENT_FROM: i32 = 4;
/// A link answers for so many days.
pub const LINK_DAYS: u64 = 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    pub ticket: TicketId,
    /// Who was asked, and when; `None`: somebody answered without being asked.
    pub asked: Option<(UserId, Timestamp)>,
    pub answer: Option<Answer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 1..=[`SCORE_MAX`].
    pub score: i32,
    pub comment: Option<String>,
    pub by: UserId,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
pub struct RateTicket {
    pub ticket: TicketId,
    pub score: i32,
    pub comment: Option<String>,
}

/// The same, by somebody who has the link of a survey.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerSurvey {
    pub token: String,
    pub score: i32,
    pub comment: Option<String>,
}
