//! Mutations of connected systems and their status reports.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{
    Context, ID, InputObject, InputType, InputValueError, InputValueResult, MaybeUndefined, MergedObject, Object,
    SimpleObject, Value,
};
use domain::hub;
use domain::hub::model as commands;
use domain::kernel::{SystemId, Timestamp};

use super::super::error::OrTopLevel as _;
use super::super::execute::{execute, execute_list, mutations, returned_count, returned_id};
use super::super::guard::{cx, language};
use super::super::inputs::{id, overlap};
use super::super::scalars::{DateTime, ErrorCode, TicketStatus, int};
use super::super::ticket::{TicketNode, ticket};
use super::{ApiScope, ReportOutcome, SystemNode, nodes};

/// The meaning of one of a system's own status words.
#[derive(InputObject)]
pub struct StatusMapEntryInput {
    /// The system's own status word, such as 已签收; at most 64 characters.
    word: String,
    /// The canonical status it maps to.
    status: TicketStatus,
    /// Whether the word means an explicit reopening; only such a word moves a ticket out of CLOSED or CANCELLED.
    #[graphql(default)]
    reopens: bool,
}

impl From<StatusMapEntryInput> for commands::StatusMapping {
    fn from(entry: StatusMapEntryInput) -> Self {
        let StatusMapEntryInput { word, status, reopens } = entry;
        Self { source_status: word, status: status.into(), reopens }
    }
}

mutations! {
    /// A system to register.
    RegisterSystemInput {
        /// The key used in references and reports, such as ERP; at most 64 characters.
        key: String,
        /// The display name; by default the key.
        name: Option<String>,
        /// The rank, 1 to 1,000, by default 10: of reports with the same timestamp, the one with the lowest rank wins.
        rank: Option<i32>,
        /// The https URL to which its corrections are sent.
        callback_url: Option<String>,
        /// Its own status words; at most 200.
        status_map: Option<Vec<StatusMapEntryInput>>,
    } (
        /// Idempotency key: a repeated call with the same key and input returns the first answer, for 24 h, but without the
        /// secrets.
        idempotency_key
    ) => RegisterSystemPayload {
        /// The system; null if the mutation was refused.
        system: Option<SystemNode>,
        /// Its API key, sent as `Authorization: Bearer <apiKey>`; it is shown only once.
        api_key: Option<String>,
        /// The secret that signs its webhooks; it is shown only once.
        webhook_secret: Option<String>,
    }

    /// A new API key for a system.
    IssueApiKeyInput {
        /// Key of the system.
        system_key: String,
        /// What the key permits; if not given, everything.
        scopes: Option<Vec<ApiScope>>,
        /// When the key expires; if not given, it does not expire.
        expires_at: Option<DateTime>,
    } (
        /// Idempotency key: a repeated call with the same key and input returns the first answer, for 24 h, but without the
        /// secret.
        idempotency_key
    ) => IssueApiKeyPayload {
        /// The system after the mutation; null if it was refused.
        system: Option<SystemNode>,
        /// The API key; it is shown only once.
        api_key: Option<String>,
    }

    /// A system whose webhook secret is replaced.
    RotateWebhookSecretInput {
        /// Key of the system.
        system_key: String,
        /// For how many hours both secrets sign, so that the partner can switch without a gap; at most 720.
        #[graphql(default = 24)]
        overlap_hours: i32,
    } (
        /// Idempotency key: a repeated call with the same key and input returns the first answer, for 24 h, but without the
        /// secret.
        idempotency_key
    ) => RotateWebhookSecretPayload {
        /// The system; null if the mutation was refused.
        system: Option<SystemNode>,
        /// The new secret; it is shown only once.
        webhook_secret: Option<String>,
    }

    /// A batch of status reports of a system.
    ReportStatusesInput {
        /// One to 500 reports, in any order.
        reports: Vec<StatusReportInput>,
        /// The system's clock when it sends the batch; Buoy measures the clock offset by it. Without it the offset is not known, because
        /// reports may have waited.
        sent_at: Option<DateTime>,
    } (
        /// Idempotency key: a repeated call with the same key and input returns the first answer, for 24 h. Reports are
        /// also idempotent without it.
        idempotency_key
    ) => ReportStatusesPayload {
        /// One result per report, in the same order.
        results: Vec<StatusReportResult>,
    } (
        /// Why the whole batch was refused; empty if it was processed.
        user_errors
    )
}

mutations! {
    /// Mutations of systems and their corrections.
    pub struct SystemMutation;

    /// Changes a system; for administrators.
    update_system("The changes.")
    /// Changes to a system; fields that are not given stay unchanged.
    UpdateSystemInput {
        /// Key of the system.
        key: String,
        /// The display name.
        name: Option<String>,
        /// The rank, for reports that arrive from now on.
        rank: Option<i32>,
        /// The URL to which its corrections are sent; null: none; not given: unchanged.
        callback_url: MaybeUndefined<String>,
        /// Replaces the whole status map. Reports with words that become known count from then on; reports that were
        /// already mapped keep their status.
        status_map: Option<Vec<StatusMapEntryInput>>,
        /// Enables a disabled endpoint again.
        #[graphql(default)]
        enable: bool,
    } => commands::UpdateSystem {
        key,
        name,
        rank: rank.map(rank_of),
        callback_url: match callback_url {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(url) => Some(Some(url)),
        },
        status_map: status_map.map(|map| map.into_iter().map(Into::into).collect()),
        enable,
    } => UpdateSystemPayload {
        /// The system after the mutation; null if it was refused.
        system: Option<SystemNode> = system,
    }

    /// Revokes an API key and closes the connections that use it; for administrators.
    revoke_api_key("The key.")
    /// The API key to revoke.
    RevokeApiKeyInput {
        /// The API key.
        api_key_id: ID,
    } => commands::RevokeApiKey { key: id("apiKeyId", &api_key_id)? } => RevokeApiKeyPayload {
        /// The system whose key it was; null if the mutation was refused.
        system: Option<SystemNode> = system,
    }

    /// Sends a dead letter again; for administrators.
    replay_delivery("The delivery.")
    /// A dead letter to send again.
    ReplayDeliveryInput {
        /// The id of the delivery.
        delivery_id: ID,
    } => commands::ReplayDelivery { correction: id("deliveryId", &delivery_id)? } => ReplayDeliveryPayload {
        /// The id of the delivery; null if the mutation was refused.
        delivery_id: Option<ID> = returned_id,
    }

    /// Sends all dead letters of a system again; for administrators.
    replay_dead_letters("The system.")
    /// A system whose dead letters are sent again.
    ReplayDeadLettersInput {
        /// Key of the system.
        system_key: String,
    } => commands::ReplayDeadLetters { system: system_key } => ReplayDeadLettersPayload {
        /// How many are sent again, at most 500 per call; null if the mutation was refused.
        replayed: Option<i32> = returned_count,
    }

    /// Rejects a pending status report: the ticket keeps its status, and the systems are corrected.
    dismiss_pending_report("The ticket.")
    /// A ticket whose pending status report is rejected.
    DismissPendingReportInput {
        /// The ticket with the pending report.
        ticket_id: ID,
        /// The version that the caller last read; refused with VERSION_CONFLICT if it has changed since.
        expected_version: Option<i32>,
    } => commands::DismissPendingReport {
        ticket: id("ticketId", &ticket_id)?,
        expected_version,
    } => DismissPendingReportPayload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<TicketNode> = ticket,
    }
}

/// A `DateTime` that is checked with its report: a malformed one refuses that report and no other of the batch.
struct ReportDateTime(commands::ReportTime);

impl InputType for ReportDateTime {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <DateTime as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <DateTime as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        if value == Value::Null {
            return Err(InputValueError::expected_type(value));
        }
        let text = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Ok(Self(match <DateTime as InputType>::parse(Some(value)) {
            // In microseconds, unlike other instants.
            Ok(DateTime(at)) => commands::ReportTime::Instant(Timestamp::from_rfc3339(&text).unwrap_or(at)),
            Err(_) => commands::ReportTime::Malformed(text),
        }))
    }

    fn to_value(&self) -> Value {
        match &self.0 {
            commands::ReportTime::Instant(at) => InputType::to_value(&DateTime(*at)),
            commands::ReportTime::Malformed(text) => Value::String(text.clone()),
        }
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// A status report of a ticket.
#[derive(InputObject)]
pub struct StatusReportInput {
    /// The ticket's token, such as TKN-8X9F2Q-L4M7P.
    uuid: String,
    /// The system's own status word, at most 64 characters.
    status: String,
    /// When it happened, by the system's own clock; at most 5 minutes ahead of Buoy's. A malformed one refuses this report only.
    timestamp: ReportDateTime,
    /// Who did it, as named by the system; at most 120 characters.
    operator: String,
    /// The system's own id of the event, at most 128 characters; reports with the same id are the same event. Without
    /// it, reports with the same token, word and timestamp are.
    event_id: Option<String>,
    /// The `causeId` of a correction: the report acknowledges it and is not a new event.
    cause_id: Option<String>,
}

/// The result of one status report.
#[derive(SimpleObject)]
pub struct StatusReportResult {
    /// The position of the report in the batch, from 0.
    index: i32,
    /// The token as given in the report.
    uuid: String,
    /// The outcome of the report.
    outcome: ReportOutcome,
    /// Why it was refused; null if it was not.
    code: Option<ErrorCode>,
    /// The reason as a sentence, in the language of the request; null if it was not refused.
    message: Option<String>,
    /// The authoritative status of the ticket now; null if it is not known.
    truth: Option<TicketStatus>,
}

async fn system(ctx: &Context<'_>, id: Option<SystemId>) -> async_graphql::Result<Option<SystemNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = cx(ctx);
    let found = hub::queries::list(cx).await.or_top_level(ctx)?.into_iter().find(|system| system.id == id);
    Ok(Box::pin(nodes(ctx, found.into_iter().collect())).await?.pop())
}

fn rank_of(given: i32) -> u32 {
    // The command validates the range.
    u32::try_from(given).unwrap_or(u32::MAX)
}

/// Mutations of the hub.
#[derive(MergedObject, Default)]
pub struct HubMutation(SystemMutation, SystemSecretMutation, StatusReportMutation);

/// Mutations whose payload shows a secret of a system, once.
#[derive(Default)]
pub struct SystemSecretMutation;

#[Object]
impl SystemSecretMutation {
    /// Registers a system; for administrators. Its API key and webhook secret are shown only here.
    async fn register_system(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system.")] input: RegisterSystemInput,
    ) -> async_graphql::Result<RegisterSystemPayload> {
        let RegisterSystemInput { key, name, rank, callback_url, status_map, idempotency_key } = input;
        let command = commands::RegisterSystem {
            name: name.unwrap_or_else(|| key.clone()),
            key,
            rank: rank.map(rank_of),
            callback_url,
            status_map: status_map.unwrap_or_default().into_iter().map(Into::into).collect(),
        };
        let (registered, user_errors) = execute(ctx, idempotency_key, || Ok(command)).await?;
        let (id, api_key, webhook_secret) = match registered {
            Some(commands::RegisteredSystem { system, api_key, webhook_secret }) => {
                (Some(system), api_key.text, webhook_secret.text)
            }
            None => (None, None, None),
        };
        Ok(RegisterSystemPayload { system: Box::pin(system(ctx, id)).await?, api_key, webhook_secret, user_errors })
    }

    /// Issues an additional API key for a system; for administrators. The key is shown only here.
    async fn issue_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: IssueApiKeyInput,
    ) -> async_graphql::Result<IssueApiKeyPayload> {
        let IssueApiKeyInput { system_key, scopes, expires_at, idempotency_key } = input;
        let command = commands::IssueApiKey {
            system: system_key,
            scopes: scopes.unwrap_or_default().into_iter().map(Into::into).collect(),
            expires_at: expires_at.map(|at| at.0),
        };
        let (issued, user_errors) = execute(ctx, idempotency_key, || Ok(command)).await?;
        let (id, api_key) = match issued {
            Some(commands::IssuedApiKey { system, key: _, text }) => (Some(system), text.text),
            None => (None, None),
        };
        Ok(IssueApiKeyPayload { system: Box::pin(system(ctx, id)).await?, api_key, user_errors })
    }

    /// Gives a system's webhook a new secret; for administrators. The secret is shown only here.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system and the overlap.")] input: RotateWebhookSecretInput,
    ) -> async_graphql::Result<RotateWebhookSecretPayload> {
        let RotateWebhookSecretInput { system_key, overlap_hours, idempotency_key } = input;
        let (rotated, user_errors) = execute(ctx, idempotency_key, || {
            Ok(commands::RotateWebhookSecret { system: system_key, overlap: overlap(overlap_hours)? })
        })
        .await?;
        let (id, webhook_secret) = match rotated {
            Some(commands::RotatedSecret { system, secret }) => (Some(system), secret.text),
            None => (None, None),
        };
        Ok(RotateWebhookSecretPayload { system: Box::pin(system(ctx, id)).await?, webhook_secret, user_errors })
    }
}

/// Reports of statuses by systems.
#[derive(Default)]
pub struct StatusReportMutation;

#[Object]
impl StatusReportMutation {
    /// Reports statuses of tickets, identified by their tokens; for systems, with their API key. The latest timestamp
    /// wins whatever the order of arrival, and every system that holds another status is sent a correction.
    #[graphql(complexity = "20 + input.reports.len() * child_complexity")]
    async fn report_statuses(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reports.")] input: ReportStatusesInput,
    ) -> async_graphql::Result<ReportStatusesPayload> {
        let ReportStatusesInput { reports, sent_at, idempotency_key } = input;
        let report = |report: StatusReportInput| {
            let StatusReportInput { uuid, status, timestamp, operator, event_id, cause_id } = report;
            commands::ReportInput {
                token: uuid,
                source_status: status,
                at: timestamp.0,
                operator,
                event_id,
                cause: cause_id,
            }
        };
        let command = commands::ReportStatuses {
            reports: reports.into_iter().map(report).collect(),
            sent_at: sent_at.map(|at| at.0),
        };
        let (results, user_errors) = execute_list(ctx, idempotency_key, || Ok(command)).await?;
        let language = language(ctx);
        let result = |result: commands::ReportResult| {
            let commands::ReportResult { index, token, outcome, code, message, truth } = result;
            StatusReportResult {
                index: int(index),
                uuid: token,
                outcome: outcome.into(),
                code: code.map(Into::into),
                message: message.map(|message| message.text(language)),
                truth: truth.map(Into::into),
            }
        };
        Ok(ReportStatusesPayload {
            results: results.unwrap_or_default().into_iter().map(result).collect(),
            user_errors,
        })
    }
}
