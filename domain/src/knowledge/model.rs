//! Signatures, cards, citations, and reuse statistics of solutions.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::kernel::{CardId, CitationId, TeamId, TicketId, Timestamp, UserId, days, string_enum};
use crate::runtime::{ConfigSection, LogEvent};
use crate::tickets::model::{AttributionDetails, FaultType, RootCauseLevel, TicketFact};
use uuid::Uuid;

/// Updates the occurrence of a ticket.
pub const LEARN_JOB: &str = "knowledge.learn";
/// Creates the card of a signature, or adds cases to it.
pub const EXTRACT_JOB: &str = "knowledge.extract";
/// Creates the card of a signature in a knowledge gap.
pub const FILL_JOB: &str = "knowledge.fill";
/// Updates occurrences of tickets that changed without an event of their own: after an import, or a change of a team's privacy.
/// Runs daily in any case, to finish work that a crash interrupted.
pub const COLLECT_JOB: &str = "knowledge.collect";

string_enum! {
    /// The state of a card.
    CardState {
        Draft = "DRAFT",
        Reviewed = "REVIEWED",
        Published = "PUBLISHED",
        Retired = "RETIRED",
    }
}

/// What tickets have in common to become one card.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    pub fault_type: FaultType,
    pub root_cause_level: RootCauseLevel,
    pub cause_tag: Option<String>,
    pub product: Option<String>,
    /// Sorted and unique.
    pub solution_tags: Vec<String>,
}

impl Signature {
    pub fn of(product: Option<&str>, attribution: &AttributionDetails) -> Self {
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

    /// The key by which the signature is stored.
    pub fn digest(&self) -> String {
        let Self { fault_type, root_cause_level, cause_tag, product, solution_tags } = self;
        let all = (fault_type.as_str(), root_cause_level.as_str(), cause_tag, product, solution_tags);
        hex::encode(Sha256::digest(serde_json::to_vec(&all).expect("words are JSON")))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub id: CardId,
    pub signature: Signature,
    pub state: CardState,
    /// The version of the text, from 1.
    pub version: i32,
    pub text: CardText,
    /// When it was extracted or written.
    pub extracted_at: Timestamp,
    pub reviewed: Option<(UserId, Timestamp)>,
    pub published: Option<(UserId, Timestamp)>,
    pub retired: Option<(UserId, Timestamp)>,
    pub origin: Origin,
    /// A ticket whose text it contains has become confidential since.
    pub withheld: bool,
}

/// The tickets whose texts were copied into a card, even if the text was edited since.
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

/// The text of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardText {
    pub title: String,
    /// Where the solution applies; `None`: derived from the signature.
    pub applies_to: Option<String>,
    pub solution: String,
}

/// A version of a card's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardVersion {
    pub version: i32,
    pub text: CardText,
    /// `None`: extracted by the system.
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
    /// Whether the ticket is still solved with this cause and solution.
    pub counts: bool,
}

/// What a citation refers to.
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
    /// The ticket whose text was copied; `None`: the text was written for a card.
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

/// Writes a card by hand.
#[derive(Clone, Debug, Serialize)]
pub struct CreateCard {
    pub title: String,
    /// The symptom and where the solution applies; `None`: derived from cause and product.
    pub applies_to: Option<String>,
    /// The steps.
    pub solution: String,
    pub fault_type: FaultType,
    pub root_cause_level: RootCauseLevel,
    pub cause_tag: Option<String>,
    pub product: Option<String>,
    pub solution_tags: Vec<String>,
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

/// Changes the given fields; `None` leaves a field as it is.
#[derive(Clone, Debug, Serialize)]
pub struct EditCard {
    pub card: CardId,
    pub expected_version: Option<i32>,
    pub title: Option<String>,
    pub applies_to: Option<String>,
    pub solution: Option<String>,
    /// The editor declares that the given text contains nothing of the confidential ticket.
    pub own_words: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum KnowledgeEvent {
    CardExtracted {
        card: CardId,
        /// The team of the case whose text the card copies.
        team: Option<TeamId>,
        cases: usize,
    },
    /// Somebody wrote it.
    CardCreated {
        card: CardId,
        text_digest: String,
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
            | Self::CardCreated { card, .. }
            | Self::CardEdited { card, .. }
            | Self::CardReviewed { card, .. }
            | Self::CardPublished { card, .. }
            | Self::CardRetired { card } => *card,
        }
    }
}

/// Configuration: the section `knowledge`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Occurrences within an ISO week that create a card.
    pub occurrences_in_week: usize,
    /// Occurrences within [`GAP_LOOKBACK`] that create a card in a knowledge gap.
    pub occurrences_in_gap: usize,
    /// A ticket of the same customer or device with the same fault and cause within this time is a recurrence.
    pub recurs_within_days: u64,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "knowledge";
}

impl Settings {
    pub const fn recurs_within(&self) -> Duration {
        days(self.recurs_within_days)
    }
}

/// The period in which occurrences are counted for a knowledge gap.
pub const GAP_LOOKBACK: Duration = days(35);

/// Why a card is extracted; each has its own threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtractionTrigger {
    /// Many occurrences within one ISO week.
    WeeklyRecurrence,
    /// Some occurrences within [`GAP_LOOKBACK`], where first-time resolution is low.
    KnowledgeGap,
}

/// Days after a resolution at which the outcome of a cited solution is measured.
pub const SURVIVAL_DAYS: [u64; 3] = [7, 30, 90];

/// The outcome for one ticket that cited a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CitationOutcome {
    /// When the ticket was resolved with the citation; `None`: not yet.
    pub resolved_at: Option<Timestamp>,
    /// When the ticket was reopened after that, or the problem recurred.
    pub failed_at: Option<Timestamp>,
}

/// Outcomes of a cited solution after a number of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survival {
    pub survived: u64,
    pub failed: u64,
    /// Not resolved, or not for long enough. Counted apart because failures are known sooner than successes, which would bias the share.
    pub pending: u64,
}

/// Reuse statistics of a solution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReuseStats {
    /// The number of tickets that cite it.
    pub citing: u64,
    /// One for each of [`SURVIVAL_DAYS`].
    pub survival: [Survival; SURVIVAL_DAYS.len()],
    /// Tickets pending in the shortest period that have failed already; they lower the rank at once.
    pub failed_early: u64,
}

/// The order of a list of cards, descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardOrder {
    /// By [`ReuseStats::rank`].
    Rank,
    ExtractedAt,
    Cases,
    Citations,
}

impl CardOrder {
    /// The name of the list in cursors; clients hold cursors, so it does not change.
    pub const fn cursor_name(self) -> &'static str {
        match self {
            Self::Rank => "cards:Standing",
            Self::ExtractedAt => "cards:ExtractedAt",
            Self::Cases => "cards:Cases",
            Self::Citations => "cards:Citations",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardFilter {
    pub states: Vec<CardState>,
    pub products: Vec<String>,
    pub fault_types: Vec<FaultType>,
    /// Contained in the title or the solution.
    pub text: Option<String>,
}

impl LogEvent for KnowledgeEvent {
    const TAG: &'static str = "Knowledge";

    fn kind(&self) -> &'static str {
        match self {
            Self::CardExtracted { .. } => "CardExtracted",
            Self::CardCreated { .. } => "CardCreated",
            Self::CardEdited { .. } => "CardEdited",
            Self::CardReviewed { .. } => "CardReviewed",
            Self::CardPublished { .. } => "CardPublished",
            Self::CardRetired { .. } => "CardRetired",
        }
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("card", self.card().0)
    }
}

/// What knowledge records about a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KnowledgeFact {
    /// A solution was copied into it.
    Cited { citation: CitationId },
    /// It was added to a card as a case.
    JoinedCard { card: CardId },
}

impl TicketFact for KnowledgeFact {
    const NAMES: &'static [&'static str] = &["Cited", "JoinedCard"];
}
