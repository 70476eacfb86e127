//! Similar cases, suggestions and the embedding service.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use embedding::Engine;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::kernel::{CardId, TicketId, Timestamp, UserId, days, string_enum};
use crate::runtime::lookup_cache::LookupCache;
use crate::runtime::{Cursor, LogEvent};
use crate::tickets::decide::rights;
use crate::tickets::model::{SearchTexts, Ticket, TicketFact, View};
use crate::tickets::queries::IndexedTicket;
use uuid::Uuid;

/// Finds cases for a ticket's assignee.
pub const SUGGEST_JOB: &str = "recommend.suggest";
/// Fits weights to feedback.
pub const LEARN_JOB: &str = "recommend.learn";
pub const LEARN_EVERY: Duration = days(1);
/// Two queues: both jobs search, and must not wait for each other.
pub const SUGGEST_QUEUE: &str = "suggest";
pub const LEARN_QUEUE: &str = "learn";

/// The most cases of one query.
pub const CASES_MAX: usize = 50;
/// The minimum score of a hit, in 0..=1; see `search::Hit`.
pub const SCORE_MIN: f32 = 0.12;
/// What a shared field adds to a similarity in 0..=1; several values of a field share it.
pub const PRODUCT_WEIGHT: f32 = 0.06;
pub const ISSUE_TYPE_WEIGHT: f32 = 0.03;
pub const SKILL_WEIGHT: f32 = 0.015;

/// From this similarity two solutions are one text with a few other characters.
pub const SAME_SOLUTION_MIN: f32 = 0.9;

/// Cases that are suggested to an assignee.
pub const SUGGESTED_MAX: usize = 3;
/// The most cases dismissed for one ticket.
pub const DISMISSED_MAX: usize = 100;

string_enum! {
    /// The state of a case for a ticket.
    SuggestionState {
        Shown = "SHOWN",
        Cited = "CITED",
        Dismissed = "DISMISSED",
    }
}

string_enum! {
    /// Why a case was dismissed.
    DismissalReason {
        NotSimilar = "NOT_SIMILAR",
        DoesNotHelp = "DOES_NOT_HELP",
        Outdated = "OUTDATED",
        Other = "OTHER",
    }
}

/// A case that was shown for a ticket, or that got feedback.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    pub ticket: TicketId,
    pub case: TicketId,
    /// The rank among those shown together, from 1; `None`: it was found otherwise.
    pub place: Option<i32>,
    pub score: Option<f32>,
    pub state: SuggestionState,
    pub shown_at: Option<Timestamp>,
    /// The time of the last feedback.
    pub settled_at: Option<Timestamp>,
    pub reason: Option<DismissalReason>,
}

/// Feedback of a user on a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub state: SuggestionState,
    pub by: UserId,
    pub at: Timestamp,
    pub reason: Option<DismissalReason>,
}

/// How many tickets cite a case, and how many dismissed it because of its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedbackCounts {
    pub cited: u64,
    pub dismissed: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct DismissSuggestion {
    pub ticket: TicketId,
    pub case: TicketId,
    pub reason: DismissalReason,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct RestoreSuggestion {
    pub ticket: TicketId,
    pub case: TicketId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecommendEvent {
    /// Weights were fitted. `used`: they are better than the defaults, and are used from now on.
    RankingLearned { questions: usize, used: bool },
}

/// The tag of solved tickets.
pub const SOLVED: &str = "solved";
/// The tag of solved tickets that all staff may read.
pub const CASE: &str = "case";

/// The text of a problem to find similar cases for.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub title: String,
    pub description: String,
    pub products: Vec<String>,
    pub issue_type: Option<String>,
    pub skills: Vec<String>,
    /// The ticket that asks; it is excluded from the results.
    pub asker: Option<TicketId>,
}

impl Question {
    pub fn of(ticket: &Ticket) -> Self {
        Self {
            title: ticket.request.title.clone(),
            description: ticket.request.description.clone(),
            products: ticket.request.product.iter().cloned().collect(),
            issue_type: ticket.request.issue_type.clone(),
            skills: ticket.request.required_skills.clone(),
            asker: Some(ticket.id),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct SimilarCase {
    pub view: View,
    /// The card that the case belongs to.
    pub card: Option<CardId>,
    /// Of the solution's text, by which near-duplicates are told; of the title where there is no solution.
    pub solution: Arc<search::Shingles>,
    pub score: f32,
    pub reasons: Vec<search::Reason>,
    /// The state for the ticket that asks; `None`: no feedback.
    pub state: Option<SuggestionState>,
}

/// The index document of a ticket.
pub fn document(indexed: &IndexedTicket) -> search::Document {
    let IndexedTicket { ticket, participants, texts: SearchTexts { extra, restricted } } = indexed;
    let mut tags = rights::terms_of(&ticket.snapshot(), participants);
    tags.extend(ticket.request.product.as_ref().map(|product| format!("product={product}")));
    tags.extend(ticket.request.issue_type.as_ref().map(|issue_type| format!("issueType={issue_type}")));
    tags.extend(ticket.request.required_skills.iter().map(|skill| format!("skill={skill}")));
    if ticket.status.is_solved() {
        tags.push(SOLVED.to_owned());
    }
    if rights::is_case(ticket) {
        tags.push(CASE.to_owned());
    }
    search::Document {
        id: ticket.id.0,
        at: ticket.times.created_at.millis(),
        title: ticket.request.title.clone(),
        body: ticket.request.description.clone(),
        extra: extra.clone(),
        restricted: restricted.clone(),
        tags,
    }
}

/// The text encoder, once it is loaded.
pub struct EmbeddingService {
    /// The folder of the model; `None`: search uses words only.
    pub model_dir: Option<PathBuf>,
    engine: OnceLock<Engine>,
    /// The cursor up to which tickets are encoded.
    pub at: watch::Sender<Cursor>,
}

impl EmbeddingService {
    pub fn new(model_dir: Option<PathBuf>) -> Self {
        Self { model_dir, engine: OnceLock::new(), at: watch::Sender::new(Cursor::START) }
    }

    pub fn engine(&self) -> Option<&Engine> {
        self.engine.get()
    }

    pub(super) fn set_engine(&self, engine: Engine) {
        // Set once: one task loads the engine.
        let _ = self.engine.set(engine);
    }
}

/// The current weights, loaded on first use.
pub struct RankingCache(pub(super) LookupCache<(), search::Weights>);

impl Default for RankingCache {
    fn default() -> Self {
        Self(LookupCache::new(1))
    }
}

impl RankingCache {
    /// New weights were fitted.
    pub fn invalidate(&self) {
        self.0.invalidate_all();
    }
}

/// The digest of the text that a vector is made from.
pub fn digest(title: &str, description: &str) -> Vec<u8> {
    Sha256::digest(format!("{title}\n{description}")).to_vec()
}

impl LogEvent for RecommendEvent {
    const TAG: &'static str = "Recommend";

    fn kind(&self) -> &'static str {
        "RankingLearned"
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("ranking", Uuid::nil())
    }
}

/// What feedback to suggestions records about a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuggestionFact {
    /// A suggested case does not help.
    SuggestionDismissed {
        case: TicketId,
        reason: String,
    },
    SuggestionRestored {
        case: TicketId,
    },
}

impl TicketFact for SuggestionFact {
    const NAMES: &'static [&'static str] = &["SuggestionDismissed", "SuggestionRestored"];
}
