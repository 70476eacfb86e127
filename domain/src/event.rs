//! The vocabulary of the log: the union of all capabilities' events.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::model::AuthEvent;
use crate::calendar::model::CalendarEvent;
use crate::catalogue::model::CatalogueEvent;
use crate::credentials::model::CredentialEvent;
use crate::escalation::model::EscalationEvent;
use crate::hub::model::HubEvent;
use crate::intake::model::IntakeEvent;
use crate::kernel::UserId;
use crate::knowledge::model::KnowledgeEvent;
use crate::notifications::model::{NotificationEvent, State};
use crate::people::model::PeopleEvent;
use crate::recommend::model::RecommendEvent;
use crate::runtime::{Audience, Side};
use crate::sla::model::SlaEvent;
use crate::tickets::model::{Fact, TicketEvent};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a ticket's: a box would only add an allocation")]
pub enum Event {
    Auth(AuthEvent),
    Calendar(CalendarEvent),
    Catalogue(CatalogueEvent),
    Credential(CredentialEvent),
    Escalation(EscalationEvent),
    Hub(HubEvent),
    Intake(IntakeEvent),
    Knowledge(KnowledgeEvent),
    Notification(NotificationEvent),
    People(PeopleEvent),
    Recommend(RecommendEvent),
    Sla(SlaEvent),
    Ticket(TicketEvent),
    /// The clock of a machine was set by so many seconds.
    ClockJumped {
        seconds: i64,
    },
    /// Many tickets came at once from another system: lists are to be loaded anew.
    ImportFinished {
        source: String,
        created: u64,
        updated: u64,
        refused: u64,
    },
}

impl Event {
    /// The kind in the log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Auth(AuthEvent::SessionOpened { .. }) => "SessionOpened",
            Self::Auth(AuthEvent::SessionEnded { .. }) => "SessionEnded",
            Self::Auth(AuthEvent::PasswordChanged { .. }) => "PasswordChanged",
            Self::Auth(AuthEvent::SigningKeyRotated { .. }) => "SigningKeyRotated",
            Self::Auth(AuthEvent::ApiKeyIssued { .. }) => "ApiKeyIssued",
            Self::Auth(AuthEvent::ApiKeyRevoked { .. }) => "ApiKeyRevoked",
            Self::Calendar(CalendarEvent::CalendarSaved { .. }) => "CalendarSaved",
            Self::Catalogue(CatalogueEvent::CatalogueSaved { .. }) => "CatalogueSaved",
            Self::Catalogue(CatalogueEvent::TeamSaved { .. }) => "TeamSaved",
            Self::Credential(CredentialEvent::Saved { .. }) => "CredentialSaved",
            Self::Credential(CredentialEvent::Rotated { .. }) => "CredentialRotated",
            Self::Credential(CredentialEvent::Expiring { .. }) => "CredentialExpiring",
            Self::Credential(CredentialEvent::Failing { .. }) => "CredentialFailing",
            Self::Credential(CredentialEvent::Recovered { .. }) => "CredentialRecovered",
            Self::Intake(IntakeEvent::Quarantined { .. }) => "SubmissionQuarantined",
            Self::Intake(IntakeEvent::Released { .. }) => "SubmissionReleased",
            Self::Intake(IntakeEvent::Dismissed { .. }) => "SubmissionDismissed",
            Self::Intake(IntakeEvent::Full { .. }) => "QuarantineFull",
            Self::Intake(IntakeEvent::CanaryLost { .. }) => "CanaryLost",
            Self::Intake(IntakeEvent::Silent { .. }) => "GatewaySilent",
            Self::Escalation(EscalationEvent::PolicySaved { .. }) => "EscalationPolicySaved",
            Self::Hub(HubEvent::SystemSaved { .. }) => "SystemSaved",
            Self::Hub(HubEvent::WebhookSecretRotated { .. }) => "WebhookSecretRotated",
            Self::Hub(HubEvent::SystemDisabled { .. }) => "SystemDisabled",
            Self::Hub(HubEvent::UnknownWord { .. }) => "UnknownWord",
            Self::Hub(HubEvent::CorrectionDue { .. }) => "CorrectionDue",
            Self::Hub(HubEvent::CorrectionDead { .. }) => "CorrectionDead",
            Self::Hub(HubEvent::CorrectionReplayed { .. }) => "CorrectionReplayed",
            Self::Knowledge(KnowledgeEvent::CardExtracted { .. }) => "CardExtracted",
            Self::Knowledge(KnowledgeEvent::CardEdited { .. }) => "CardEdited",
            Self::Knowledge(KnowledgeEvent::CardReviewed { .. }) => "CardReviewed",
            Self::Knowledge(KnowledgeEvent::CardPublished { .. }) => "CardPublished",
            Self::Knowledge(KnowledgeEvent::CardRetired { .. }) => "CardRetired",
            Self::Notification(NotificationEvent::Decided { .. }) => "NotificationDecided",
            Self::Notification(NotificationEvent::Moved { state, .. }) => match state {
                State::Decided | State::Queued => "NotificationQueued",
                State::Sent => "NotificationSent",
                State::Delivered => "NotificationDelivered",
                State::Opened => "NotificationOpened",
                State::Failed => "NotificationFailed",
                State::Unknown => "NotificationUnknown",
            },
            Self::Notification(NotificationEvent::TerminalChanged { .. }) => "TerminalChanged",
            Self::People(PeopleEvent::UserCreated { .. }) => "UserCreated",
            Self::People(PeopleEvent::UserChanged { .. }) => "UserChanged",
            Self::People(PeopleEvent::UserRedacted { .. }) => "UserRedacted",
            Self::People(PeopleEvent::DutyChanged { .. }) => "DutyChanged",
            Self::People(PeopleEvent::CustomerSaved { .. }) => "CustomerSaved",
            Self::Recommend(RecommendEvent::RankingLearned { .. }) => "RankingLearned",
            Self::Sla(SlaEvent::PolicySaved { .. }) => "SlaPolicySaved",
            Self::Ticket(event) => event.fact.kind(),
            Self::ClockJumped { .. } => "ClockJumped",
            Self::ImportFinished { .. } => "ImportFinished",
        }
    }

    /// What it is about; things known by a key alone have no id.
    pub fn subject(&self) -> (&'static str, Uuid) {
        match self {
            Self::Auth(AuthEvent::SessionOpened { session, .. } | AuthEvent::SessionEnded { session, .. }) => {
                ("session", session.0)
            }
            Self::Auth(AuthEvent::PasswordChanged { user }) => ("user", user.0),
            Self::Auth(AuthEvent::SigningKeyRotated { .. }) => ("signing_key", Uuid::nil()),
            Self::Auth(AuthEvent::ApiKeyIssued { key, .. } | AuthEvent::ApiKeyRevoked { key, .. }) => {
                ("api_key", key.0)
            }
            Self::Calendar(CalendarEvent::CalendarSaved { .. }) => ("calendar", Uuid::nil()),
            Self::Catalogue(CatalogueEvent::CatalogueSaved { .. }) => ("catalogue_entry", Uuid::nil()),
            Self::Catalogue(CatalogueEvent::TeamSaved { team, .. }) => ("team", team.0),
            Self::Notification(
                NotificationEvent::Decided { notification, .. } | NotificationEvent::Moved { notification, .. },
            ) => ("notification", notification.0),
            Self::Notification(NotificationEvent::TerminalChanged { user, .. }) => ("user", user.0),
            Self::People(
                PeopleEvent::UserCreated { user, .. }
                | PeopleEvent::UserChanged { user, .. }
                | PeopleEvent::UserRedacted { user }
                | PeopleEvent::DutyChanged { user, .. },
            ) => ("user", user.0),
            Self::People(PeopleEvent::CustomerSaved { customer, .. }) => ("customer", customer.0),
            Self::Escalation(EscalationEvent::PolicySaved { .. }) => ("escalation_policy", Uuid::nil()),
            Self::Credential(event) => ("credential", event.credential().0),
            Self::Intake(event) => ("submission", event.submission().map_or(Uuid::nil(), |id| id.0)),
            Self::Hub(event) => ("system", event.system().0),
            Self::Knowledge(event) => ("card", event.card().0),
            Self::Recommend(RecommendEvent::RankingLearned { .. }) => ("ranking", Uuid::nil()),
            Self::Sla(SlaEvent::PolicySaved { .. }) => ("sla_policy", Uuid::nil()),
            Self::Ticket(event) => ("ticket", event.ticket.0),
            Self::ClockJumped { .. } => ("clock", Uuid::nil()),
            Self::ImportFinished { .. } => ("import", Uuid::nil()),
        }
    }

    pub fn audience(&self) -> Audience {
        match self {
            Self::Ticket(event) if event.history.is_some() => Audience::History,
            Self::Ticket(event) if !event.fact.is_internal() => Audience::Public,
            _ => Audience::Staff,
        }
    }

    /// Who did it, where that is not the actor of the transaction.
    pub fn author(&self) -> Option<UserId> {
        match self {
            // Signing in happens before anybody is known.
            Self::Auth(AuthEvent::SessionOpened { user, .. } | AuthEvent::SessionEnded { user, .. }) => Some(*user),
            Self::Ticket(event) => event.history.as_ref().and_then(|history| history.operator),
            _ => None,
        }
    }

    /// For whom it was done, where that is somebody in particular: a ticket is written for its requester.
    pub fn on_behalf_of(&self) -> Option<UserId> {
        match self {
            Self::Ticket(event) if matches!(event.fact, Fact::Created { .. }) => event.after.requester,
            _ => None,
        }
    }

    /// Which side acted, where that does not follow from the actor.
    pub fn side(&self) -> Option<Side> {
        match self {
            Self::Ticket(event) if event.history.is_some() => Some(Side::System),
            _ => None,
        }
    }
}
