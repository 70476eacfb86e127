//! Signatures, cards, citations, and how solutions have stood the test of time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::kernel::{CardId, CitationId, TeamId, TicketId, Timestamp, UserId, days, words};
use crate::tickets::model::{AttributionGiven, FaultType, RootCauseLevel};

words! {
    /// Where a card stands.
    CardState {
        Draft = "DRAFT",
        Reviewed = "REVIEWED",
        Published = "PUBLISHED",
        Retired = "RETIRED",
    }
}

/// What tickets have in common that become one card.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    pub fault_type: FaultType,
    pub root_cause_level: RootCauseLevel,
    pub cause_tag: Option<String>,
    pub product: Option<String>,
    /// Sorted, each once.
    pub solution_tags: Vec<String>,
}

impl Signature {
    pub fn of(product: Option<&str>, attribution: &AttributionGiven) -> Self {
        let mut solution_tags = attribution.solution_tags.clone();
        solution_tags.sort_unstable();
        solution_tags.dedup();
        Self {
            fault_type: attribution.fault_type,
            root_cause_level: attribution.root_cause_level,
            cause_tag: attribution.cause_tag.clone(),
            product: product.map(str::to_owned),
            solution_tags,
        }
    }

    /// By which it is found.
    pub fn digest(&self) -> String {
        let Self { fault_type, root_cause_level, cause_tag, product, solution_tags } = self;
        let all = (fault_type.word(), root_cause_level.word(), cause_tag, product, solution_tags);
        hex::encode(Sha256::digest(serde_json::to_vec(&all).expect("words are JSON")))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub id: CardId,
    pub signature: Signature,
    pub state: CardState,
    /// Of its text, from 1.
    pub version: i32,
    pub text: CardText,
    pub extracted_at: Timestamp,
    pub reviewed: Option<(UserId, Timestamp)>,
    pub published: Option<(UserId, Timestamp)>,
    pub retired: Option<(UserId, Timestamp)>,
    pub origin: Origin,
    /// Its words are those of a ticket that has become confidential since.
    pub withheld: bool,
}

/// The tickets whose words a card's text is, though it may have been edited since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub title: Option<TicketId>,
    pub solution: Option<TicketId>,
}

impl Origin {
    pub fn tickets(self) -> impl Iterator<Item = TicketId> {
        self.title.into_iter().chain(self.solution)
    }
}

/// What a card says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardText {
    pub title: String,
    /// Where it applies, in words; `None`: what its signature says.
    pub applies_to: Option<String>,
    pub solution: String,
}

/// A text of a card, now or before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardVersion {
    pub version: i32,
    pub text: CardText,
    /// `None`: Buoy itself made it, of a ticket.
    pub by: Option<UserId>,
    pub at: Timestamp,
}

/// A ticket of a card, as it was when it joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardCase {
    pub card: CardId,
    pub ticket: TicketId,
    pub title: String,
    pub resolution: String,
    pub handler: UserId,
    pub resolved_at: Timestamp,
    pub joined_at: Timestamp,
    /// It is still solved, with this cause and solution.
    pub counts: bool,
}

/// What is cited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    Case(TicketId),
    Card(CardId),
}

/// A solution that was copied into a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    pub id: CitationId,
    pub ticket: TicketId,
    pub source: Source,
    /// The ticket whose words were copied; `None`: somebody's own, of a card.
    pub origin: Option<TicketId>,
    pub text: String,
    pub by: UserId,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
pub struct CiteSolution {
    pub ticket: TicketId,
    pub case: Option<TicketId>,
    pub card: Option<CardId>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReviewCard {
    pub card: CardId,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct PublishCard {
    pub card: CardId,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RetireCard {
    pub card: CardId,
}

/// Changes what is given; `None` leaves a text as it is.
#[derive(Clone, Debug, Serialize)]
pub struct EditCard {
    pub card: CardId,
    pub expected_version: Option<i32>,
    pub title: Option<String>,
    pub applies_to: Option<String>,
    pub solution: Option<String>,
    /// What is given is the editor's own, and nothing is left of what has become confidential.
    pub own_words: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum KnowledgeEvent {
    CardExtracted {
        card: CardId,
        /// Of the case that lends it its words.
        team: Option<TeamId>,
        cases: usize,
    },
    CardEdited {
        card: CardId,
        version: i32,
        text_digest: String,
    },
    CardReviewed {
        card: CardId,
        version: i32,
    },
    CardPublished {
        card: CardId,
        version: i32,
    },
    CardRetired {
        card: CardId,
    },
}

impl KnowledgeEvent {
    pub const fn card(&self) -> CardId {
        match self {
            Self::CardExtracted { card, .. }
            | Self::CardEdited { card, .. }
            | Self::CardReviewed { card, .. }
            | Self::CardPublished { card, .. }
            | Self::CardRetired { card } => *card,
        }
    }
}

/// An administrator's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// So many occurrences within an ISO week make a card.
    pub occurrences_in_week: usize,
    /// So many within [`LATELY`] make one where first-time resolution stays low.
    pub occurrences_in_gap: usize,
    /// The same customer or device with the same fault and cause within this is a recurrence.
    pub recurs_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { occurrences_in_week: 5, occurrences_in_gap: 3, recurs_within: days(30) }
    }
}

/// How far back cards are looked for where first-time resolution stays low.
pub const LATELY: Duration = days(28);

/// What makes a card of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recurs {
    /// Often within an ISO week.
    InAWeek,
    /// Now and then lately, where knowledge is missed.
    Lately,
}

/// The days after which it is looked whether a cited solution has held.
pub const SURVIVAL_DAYS: [u64; 3] = [7, 30, 90];

/// What became of a ticket that cited a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// When it was resolved with it: it stood resolved when it cited, or was so first afterwards. `None`: not yet.
    pub resolved_at: Option<Timestamp>,
    /// When it was reopened after that, or its problem came back.
    pub failed_at: Option<Timestamp>,
}

/// How cited solutions have held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub held: u64,
    pub failed: u64,
    /// Not solved yet, or not for long enough to say: failures are known sooner than successes, and would weigh too much.
    pub pending: u64,
}

/// What reuse says of a solution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Tickets that cite it.
    pub citing: u64,
    /// After each of [`SURVIVAL_DAYS`].
    pub survival: [Held; SURVIVAL_DAYS.len()],
    /// Of those pending at the shortest of them, the ones that have failed already: they make a solution sink at once.
    pub failed_early: u64,
}

/// In which order cards are listed; each begins with the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardOrder {
    /// By how surely they hold.
    Standing,
    ExtractedAt,
    Cases,
    Citations,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardFilter {
    pub states: Vec<CardState>,
    pub products: Vec<String>,
    pub fault_types: Vec<FaultType>,
    /// In its title or solution.
    pub text: Option<String>,
}
