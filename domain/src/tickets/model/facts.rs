//! The events of a ticket.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BoardDelta, ExternalRef, ParticipantReason, PendingNeeds, Snapshot, TicketStatus, TicketText, Visibility};
use crate::kernel::{CommentId, TicketId, UserId};
use crate::runtime::event::fields_of;
use crate::runtime::{Audience, LogEvent, Modules, Side};
use uuid::Uuid;

/// What happened to a ticket. The log only holds references to texts and their digests; the tables hold the texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    Created {
        text_digest: String,
        /// Nobody gave the product: the text names it.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        product_recognised: bool,
    },
    /// Imported from another system, open or closed; its history follows as ordinary events.
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
    /// An imported ticket was attributed, or an attribution was corrected.
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
        /// The ticket that lost the reference, because the system that owns it claimed it for this one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        moved_from: Option<TicketId>,
    },
    Unlinked {
        reference: ExternalRef,
    },
    /// The system that owns the reference claimed it for another ticket; a person had linked it to this one.
    ReferenceMoved {
        reference: ExternalRef,
        moved_to: TicketId,
    },
    /// Texts were removed permanently.
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
    /// The links by which requesters follow the ticket without signing in were ended.
    LinksRevoked,
    /// A reported status cannot be applied yet: a requirement of the life-cycle is missing.
    ReportPending {
        system: String,
        status: TicketStatus,
        needs: PendingNeeds,
    },
    /// A pending report ended: it was applied, dismissed or superseded.
    ReportSettled,
    /// A row of imported history that maps to no event of Buoy.
    HistoryNoted {
        word: String,
    },
    /// What a capability above tickets records.
    #[serde(untagged)]
    Other(CapabilityFact),
}

/// A fact of a capability above tickets. Its kind in the log is `Ticket` and the name of its variant; it is stored like the facts
/// of tickets. The capability lists the [`FactType`] in the `extensions` of its module.
pub trait TicketFact: Serialize + DeserializeOwned {
    /// The names of its variants; no other capability uses one of them.
    const NAMES: &'static [&'static str];
    /// Visible to the requester.
    const IS_PUBLIC: bool = false;

    /// What a live board shows, if it is more than that the ticket was updated.
    fn board_delta(&self) -> Option<BoardDelta> {
        None
    }
}

/// A type of facts of a capability, by which a stored fact is read.
pub struct FactType {
    pub names: &'static [&'static str],
    read: fn(&Value) -> serde_json::Result<CapabilityFact>,
}

impl FactType {
    pub const fn of<T: TicketFact>() -> Self {
        Self { names: T::NAMES, read: |value| T::deserialize(value).map(|fact| CapabilityFact::new(&fact)) }
    }

    /// Reads a stored fact; a name that no capability lists is an error, as is a fact that its type cannot read.
    fn read(modules: Modules, value: &Value) -> serde_json::Result<CapabilityFact> {
        let name = variant_name(value);
        let known = modules.extensions::<Self>().find(|known| known.names.contains(&name));
        let known = known.ok_or_else(|| serde_json::Error::custom(format!("facts named {name:?} are not known")))?;
        (known.read)(value)
    }
}

/// A [`TicketFact`] whose type was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Value", into = "Value")]
pub struct CapabilityFact {
    kind: String,
    value: Value,
    is_public: bool,
    board_delta: Option<BoardDelta>,
}

/// Incomplete: what only the type of the fact knows is added by [`LogEvent::complete`].
impl From<Value> for CapabilityFact {
    fn from(value: Value) -> Self {
        Self { kind: format!("Ticket{}", variant_name(&value)), value, is_public: false, board_delta: None }
    }
}

impl From<CapabilityFact> for Value {
    fn from(fact: CapabilityFact) -> Self {
        fact.value
    }
}

impl CapabilityFact {
    fn new<T: TicketFact>(fact: &T) -> Self {
        let value = serde_json::to_value(fact).expect("facts are plain data");
        Self { is_public: T::IS_PUBLIC, board_delta: fact.board_delta(), ..Self::from(value) }
    }

    pub fn kind(&self) -> &str {
        &self.kind
    }

    pub const fn board_delta(&self) -> Option<BoardDelta> {
        self.board_delta
    }
}

/// The name of the variant in a stored fact.
fn variant_name(fact: &Value) -> &str {
    let name = match fact {
        Value::Object(fields) => fields.keys().next().map(String::as_str),
        name => name.as_str(),
    };
    name.unwrap_or_default()
}

impl<T: TicketFact> From<T> for Fact {
    fn from(fact: T) -> Self {
        Self::Other(CapabilityFact::new(&fact))
    }
}

impl Fact {
    /// The kind in the log.
    pub fn kind(&self) -> &str {
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
            Self::Unlinked { .. } => "TicketUnlinked",
            Self::ReferenceMoved { .. } => "TicketReferenceMoved",
            Self::Redacted { .. } => "TicketRedacted",
            Self::ParticipantAdded { .. } => "TicketParticipantAdded",
            Self::ParticipantRemoved { .. } => "TicketParticipantRemoved",
            Self::LinksRevoked => "TicketLinksRevoked",
            Self::ReportPending { .. } => "TicketReportPending",
            Self::ReportSettled => "TicketReportSettled",
            Self::HistoryNoted { .. } => "TicketHistoryNoted",
            Self::Other(fact) => fact.kind(),
        }
    }

    /// The fact of a capability above tickets, if it is of this type.
    pub fn get<T: TicketFact>(&self) -> Option<T> {
        let Self::Other(fact) = self else { return None };
        let is_of_type = T::NAMES.contains(&variant_name(&fact.value));
        is_of_type.then(|| T::deserialize(&fact.value).expect("a fact was checked when it was read"))
    }

    /// Not visible to the requester.
    pub const fn is_internal(&self) -> bool {
        matches!(
            self,
            Self::Opened
                | Self::Attributed { .. }
                | Self::Commented { visibility: Visibility::Internal, .. }
                | Self::ParticipantAdded { .. }
                | Self::ParticipantRemoved { .. }
                | Self::ReferenceMoved { .. }
                | Self::LinksRevoked
                | Self::ReportPending { .. }
                | Self::ReportSettled
                | Self::Other(CapabilityFact { is_public: false, .. })
        )
    }
}

/// Marks an event as imported history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Who acted in the source system; such people have a disabled account here.
    pub operator: Option<UserId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketEvent {
    pub ticket: TicketId,
    pub fact: Fact,
    /// Absent if nothing changed that affects visibility or lists.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Snapshot>,
    pub after: Snapshot,
    /// This was the first response.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub first_response: bool,
    /// The change applies a status that a system reported.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reported: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub history: Option<History>,
}

impl LogEvent for TicketEvent {
    const TAG: &'static str = "Ticket";

    fn kind(&self) -> &str {
        self.fact.kind()
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("ticket", self.ticket.0)
    }

    fn audience(&self) -> Audience {
        if self.history.is_some() {
            Audience::History
        } else if self.fact.is_internal() {
            Audience::Staff
        } else {
            Audience::Public
        }
    }

    fn author(&self) -> Option<UserId> {
        self.history.as_ref().and_then(|history| history.operator)
    }

    /// A ticket is created for its requester.
    fn on_behalf_of(&self) -> Option<UserId> {
        if matches!(self.fact, Fact::Created { .. }) { self.after.requester } else { None }
    }

    fn side(&self) -> Option<Side> {
        self.history.is_some().then_some(Side::System)
    }

    fn complete(&mut self, modules: Modules) -> serde_json::Result<()> {
        if let Fact::Other(fact) = &mut self.fact {
            *fact = FactType::read(modules, &fact.value)?;
        }
        Ok(())
    }

    /// The fields of the fact stand beside those that all facts share.
    fn fields(&self) -> Map<String, Value> {
        let mut fields = fields_of(self);
        fields.remove("fact");
        fields.extend(fields_of(&self.fact));
        fields
    }
}
