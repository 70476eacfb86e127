//! Surveys and their answers.

use serde::{Deserialize, Serialize};

use crate::kernel::{TicketId, Timestamp, UserId};
use crate::tickets::model::TicketFact;

/// The best score; 1 is the worst.
pub const SCORE_MAX: i32 = 5;
/// The lowest score that counts as satisfied.
pub const SATISFIED_FROM: i32 = 4;
/// Days for which a survey link is valid.
pub const LINK_DAYS: u64 = 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    pub ticket: TicketId,
    /// The recipient, and when the survey was sent; `None`: answered without a survey.
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

/// Answers a survey with the token of its link.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerSurvey {
    pub token: String,
    pub score: i32,
    pub comment: Option<String>,
}

/// Rates a ticket by the link with which its requester follows it.
#[derive(Clone, Debug, Serialize)]
pub struct RateByLink {
    pub link: String,
    pub score: i32,
    pub comment: Option<String>,
}

/// What surveys record about a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SurveyFact {
    /// The requester's side answered.
    Rated {
        score: i32,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        text_digest: Option<String>,
    },
}

impl TicketFact for SurveyFact {
    const NAMES: &'static [&'static str] = &["Rated"];
    const IS_PUBLIC: bool = true;
}
