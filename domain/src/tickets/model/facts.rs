//! What is told of a ticket.

use serde::{Deserialize, Serialize};

use super::{ExternalRef, Needs, ParticipantReason, SlaMetric, Snapshot, TicketStatus, TicketText, Visibility};
use crate::kernel::{CardId, CitationId, CommentId, TicketId, UserId};

/// What happened to a ticket. Texts stand in the tables; the log holds references and digests of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    Created {
        text_digest: String,
    },
    /// From another system, closed or not; its own history follows as rows of the same kind as ours.
    Imported {
        source: String,
    },
    Assigned {
        hand_over: bool,
    },
    Accepted,
    WaitingSet {
        text_digest: String,
    },
    Resumed,
    Resolved {
        text_digest: String,
    },
    /// Attribution of history, or mended attribution.
    Attributed {
        text_digest: String,
    },
    Closed {
        automatic: bool,
    },
    Reopened {
        comment: Option<CommentId>,
    },
    Cancelled {
        text_digest: String,
    },
    Chased,
    Opened,
    Commented {
        comment: CommentId,
        visibility: Visibility,
        text_digest: String,
    },
    Updated {
        fields: Vec<String>,
    },
    Linked {
        reference: ExternalRef,
    },
    /// Texts that nobody may keep were taken out, for good.
    Redacted {
        texts: Vec<TicketText>,
        comments: Vec<CommentId>,
    },
    ParticipantAdded {
        user: UserId,
        reason: ParticipantReason,
    },
    ParticipantRemoved {
        user: UserId,
    },
    /// Nobody suitable was there to take it: it waits in its team's queue, and a supervisor is told.
    Queued,
    /// Most of the time of an SLA clock has passed.
    SlaRisk {
        metric: SlaMetric,
    },
    /// An SLA clock has passed its target.
    SlaBreached {
        metric: SlaMetric,
    },
    /// A level of escalation fired.
    Escalated {
        epoch: i32,
        level: i32,
    },
    /// 超时未响应: nobody opened it in time.
    NoResponseMarked,
    /// A solution was copied into it.
    Cited {
        citation: CitationId,
    },
    /// A case that was shown for it does not help.
    SuggestionDismissed {
        case: TicketId,
        reason: String,
    },
    SuggestionRestored {
        case: TicketId,
    },
    /// It is a case of a knowledge card.
    JoinedCard {
        card: CardId,
    },
    /// The asking side says how content it is.
    Rated {
        score: i32,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        text_digest: Option<String>,
    },
    /// What a system reported of it; `status`: what its map makes of the word.
    StatusReported {
        system: String,
        word: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        status: Option<TicketStatus>,
        outcome: String,
    },
    /// A reported step waits for what the life-cycle demands.
    ReportPending {
        system: String,
        status: TicketStatus,
        needs: Needs,
    },
    /// A system has taken its correction.
    CorrectionAcknowledged {
        system: String,
        status: TicketStatus,
    },
    /// The reported step waits no more: it was taken, or something else is true now.
    ReportSettled,
    /// A row of imported history without a change that Buoy has a word for.
    HistoryNoted {
        word: String,
    },
}

impl Fact {
    /// The kind in the log.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "TicketCreated",
            Self::Imported { .. } => "TicketImported",
            Self::Assigned { .. } => "TicketAssigned",
            Self::Accepted => "TicketAccepted",
            Self::WaitingSet { .. } => "TicketWaitingSet",
            Self::Resumed => "TicketResumed",
            Self::Resolved { .. } => "TicketResolved",
            Self::Attributed { .. } => "TicketAttributed",
            Self::Closed { .. } => "TicketClosed",
            Self::Reopened { .. } => "TicketReopened",
            Self::Cancelled { .. } => "TicketCancelled",
            Self::Chased => "TicketChased",
            Self::Opened => "TicketOpened",
            Self::Commented { .. } => "TicketCommented",
            Self::Updated { .. } => "TicketUpdated",
            Self::Linked { .. } => "TicketLinked",
            Self::Redacted { .. } => "TicketRedacted",
            Self::ParticipantAdded { .. } => "TicketParticipantAdded",
            Self::ParticipantRemoved { .. } => "TicketParticipantRemoved",
            Self::Queued => "TicketQueued",
            Self::SlaRisk { .. } => "TicketSlaRisk",
            Self::SlaBreached { .. } => "TicketSlaBreached",
            Self::Escalated { .. } => "TicketEscalated",
            Self::NoResponseMarked => "TicketNoResponseMarked",
            Self::Cited { .. } => "TicketCited",
            Self::SuggestionDismissed { .. } => "TicketSuggestionDismissed",
            Self::SuggestionRestored { .. } => "TicketSuggestionRestored",
            Self::JoinedCard { .. } => "TicketJoinedCard",
            Self::Rated { .. } => "TicketRated",
            Self::StatusReported { .. } => "TicketStatusReported",
            Self::ReportPending { .. } => "TicketReportPending",
            Self::ReportSettled => "TicketReportSettled",
            Self::CorrectionAcknowledged { .. } => "TicketCorrectionAcknowledged",
            Self::HistoryNoted { .. } => "TicketHistoryNoted",
        }
    }

    /// The requester never hears of these.
    pub const fn is_internal(&self) -> bool {
        matches!(
            self,
            Self::Opened
                | Self::Attributed { .. }
                | Self::Commented { visibility: Visibility::Internal, .. }
                | Self::ParticipantAdded { .. }
                | Self::ParticipantRemoved { .. }
                | Self::Queued
                | Self::SlaRisk { .. }
                | Self::SlaBreached { .. }
                | Self::Escalated { .. }
                | Self::NoResponseMarked
                | Self::Cited { .. }
                | Self::SuggestionDismissed { .. }
                | Self::SuggestionRestored { .. }
                | Self::JoinedCard { .. }
                | Self::StatusReported { .. }
                | Self::ReportPending { .. }
                | Self::ReportSettled
                | Self::CorrectionAcknowledged { .. }
        )
    }
}

/// Whose history an imported event is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Who acted there: people of other systems have a disabled account here.
    pub operator: Option<UserId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketEvent {
    pub ticket: TicketId,
    pub fact: Fact,
    /// Absent where nothing that decides visibility or place has changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Snapshot>,
    pub after: Snapshot,
    /// This was the first response.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub first_response: bool,
    /// A step that follows what a system reported.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reported: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub history: Option<History>,
}
