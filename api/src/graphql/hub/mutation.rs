//! Joining systems, and what they say.

use std::time::Duration;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::hub;
use domain::hub::model as commands;
use domain::kernel::{Code, Error, Refusal, SystemId, hours, refuse};
use domain::runtime::Command;

use super::super::Caller;
use super::super::error::{OrTopLevel as _, UserError, settle};
use super::super::inputs::id;
use super::super::scalars::{DateTime, ErrorCode, TicketStatus, int};
use super::super::ticket::TicketNode;
use super::{ApiScope, ReportOutcome, SystemNode, nodes};

/// What a system's own word means.
#[derive(InputObject)]
pub struct StatusMapEntryInput {
    /// The word, such as 已签收; at most 64 characters.
    word: String,
    /// The status that it stands for.
    status: TicketStatus,
    /// It says that the ticket is taken up again: only such a word leads out of CLOSED or CANCELLED.
    #[graphql(default)]
    reopens: bool,
}

impl From<StatusMapEntryInput> for commands::StatusWord {
    fn from(entry: StatusMapEntryInput) -> Self {
        let StatusMapEntryInput { word, status, reopens } = entry;
        Self { word, status: status.into(), reopens }
    }
}

/// A system that is to speak of tickets.
#[derive(InputObject)]
pub struct RegisterSystemInput {
    /// The key by which references and reports name it, such as ERP; at most 64 characters.
    key: String,
    /// What people call it; its key where none is given.
    name: Option<String>,
    /// Of reports of one instant, the one of the lowest rank wins: 1 to 1,000, 10 where none is given.
    rank: Option<i32>,
    /// Where its corrections are sent to: an https address.
    callback_url: Option<String>,
    /// Its own words, at most 200.
    status_map: Option<Vec<StatusMapEntryInput>>,
    /// The same key and input give the same answer for 24 h, without the secrets.
    idempotency_key: Option<String>,
}

/// What registering came to.
#[derive(SimpleObject)]
pub struct RegisterSystemPayload {
    /// The system.
    system: Option<SystemNode>,
    /// Its API key, shown once: `Authorization: Bearer <apiKey>`.
    api_key: Option<String>,
    /// The secret that signs its webhooks, shown once.
    webhook_secret: Option<String>,
    /// Why nothing was registered; empty where it was.
    user_errors: Vec<UserError>,
}

/// What of a system changes; what is not given stays.
#[derive(InputObject)]
pub struct UpdateSystemInput {
    /// Which system.
    key: String,
    /// What people call it.
    name: Option<String>,
    /// Its rank, for reports that come from now on.
    rank: Option<i32>,
    /// Where its corrections are sent to; null: nowhere.
    callback_url: MaybeUndefined<String>,
    /// In place of all words that were known. What was reported by words that become known counts from then on; what was
    /// understood stays as it was understood.
    status_map: Option<Vec<StatusMapEntryInput>>,
    /// Calls an endpoint again that was given up.
    #[graphql(default)]
    enable: bool,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What changing came to.
#[derive(SimpleObject)]
pub struct UpdateSystemPayload {
    /// The system as it is now.
    system: Option<SystemNode>,
    /// Why nothing changed; empty where it did.
    user_errors: Vec<UserError>,
}

/// A key that is to be issued.
#[derive(InputObject)]
pub struct IssueApiKeyInput {
    /// Whose key.
    system_key: String,
    /// What it is good for; everything where nothing is named.
    scopes: Option<Vec<ApiScope>>,
    /// When it ends; never where no time is given.
    expires_at: Option<DateTime>,
    /// The same key and input give the same answer for 24 h, without the secret.
    idempotency_key: Option<String>,
}

/// What issuing came to.
#[derive(SimpleObject)]
pub struct IssueApiKeyPayload {
    /// The system with the new key.
    system: Option<SystemNode>,
    /// The key, shown once.
    api_key: Option<String>,
    /// Why none was issued; empty where one was.
    user_errors: Vec<UserError>,
}

/// A key that opens nothing any more.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// Which key.
    api_key_id: ID,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What revoking came to.
#[derive(SimpleObject)]
pub struct RevokeApiKeyPayload {
    /// The system whose key it was.
    system: Option<SystemNode>,
    /// Why it was not revoked; empty where it was.
    user_errors: Vec<UserError>,
}

/// A secret that is to be followed by another.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// Whose secret.
    system_key: String,
    /// So many hours both secrets sign, so that the partner changes over without a gap; at most 720.
    #[graphql(default = 24)]
    overlap_hours: i32,
    /// The same key and input give the same answer for 24 h, without the secret.
    idempotency_key: Option<String>,
}

/// What rotating came to.
#[derive(SimpleObject)]
pub struct RotateWebhookSecretPayload {
    /// The system.
    system: Option<SystemNode>,
    /// The new secret, shown once.
    webhook_secret: Option<String>,
    /// Why nothing was rotated; empty where it was.
    user_errors: Vec<UserError>,
}

/// What a system says of a ticket.
#[derive(InputObject)]
pub struct StatusReportInput {
    /// The ticket's token, such as TKN-8X9F2Q-L4M7P.
    uuid: String,
    /// The system's own word for the status, at most 64 characters.
    status: String,
    /// When it happened, by the system's own clock; at most 5 minutes ahead of Buoy's.
    timestamp: DateTime,
    /// Who did it, as the system calls them; at most 120 characters.
    operator: String,
    /// The system's own id of the event, at most 128 characters: the same id is the same event, however often it is sent. Without
    /// it the same token, word and timestamp are.
    event_id: Option<String>,
    /// The `causeId` of a correction: the report acknowledges it, and is no new event.
    cause_id: Option<String>,
}

/// What a system says of tickets.
#[derive(InputObject)]
pub struct ReportStatusesInput {
    /// One to 500 reports, in any order.
    reports: Vec<StatusReportInput>,
    /// What the system's clock says as it sends this: by it Buoy sees how far the clock is off.
    sent_at: Option<DateTime>,
    /// The same key and input give the same answer for 24 h. Reports are idempotent by themselves.
    idempotency_key: Option<String>,
}

/// What one report came to.
#[derive(SimpleObject)]
struct StatusReportResult {
    /// The token as it was given.
    uuid: String,
    /// What it came to.
    outcome: ReportOutcome,
    /// Why it was refused; null where it was not.
    code: Option<ErrorCode>,
    /// The same as a sentence.
    message: Option<String>,
    /// Where the ticket stands now, by all that was said of it; null where it is not known.
    truth: Option<TicketStatus>,
}

/// What reporting came to.
#[derive(SimpleObject)]
pub struct ReportStatusesPayload {
    /// A result for each report, in their order.
    results: Vec<StatusReportResult>,
    /// Why nothing was looked at; empty where it was.
    user_errors: Vec<UserError>,
}

/// A reported step that is not so.
#[derive(InputObject)]
pub struct DismissPendingReportInput {
    /// The ticket on which it waits.
    ticket_id: ID,
    /// The version that was read; another one is a VERSION_CONFLICT.
    expected_version: Option<i32>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What dismissing came to.
#[derive(SimpleObject)]
pub struct DismissPendingReportPayload {
    /// The ticket as it is now.
    ticket: Option<TicketNode>,
    /// Why nothing changed; empty where it did.
    user_errors: Vec<UserError>,
}

/// A dead letter that is to be sent again.
#[derive(InputObject)]
pub struct ReplayDeliveryInput {
    /// Its id.
    delivery_id: ID,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What replaying came to.
#[derive(SimpleObject)]
pub struct ReplayDeliveryPayload {
    /// The delivery's id.
    delivery_id: Option<ID>,
    /// Why it is not sent again; empty where it is.
    user_errors: Vec<UserError>,
}

/// Dead letters that are to be sent again.
#[derive(InputObject)]
pub struct ReplayDeadLettersInput {
    /// Whose.
    system_key: String,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What replaying came to.
#[derive(SimpleObject)]
pub struct ReplayDeadLettersPayload {
    /// How many are sent again; at most 500 at a time.
    replayed: Option<i32>,
    /// Why none is sent again; empty where they are.
    user_errors: Vec<UserError>,
}

pub async fn execute<C: Command>(
    ctx: &Context<'_>,
    command: Result<C, Error>,
    once: Option<String>,
) -> async_graphql::Result<(Option<C::Output>, Vec<UserError>)> {
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let outcome = match command {
        // Before anything of the input is looked at: who does not say who they are is told nothing of it.
        _ if cx.actor.user_id().is_none() => Err(Error::unauthenticated()),
        // On the heap, as every command is: each stands in the future of its resolver, and all of those in one.
        Ok(command) => Box::pin(cx.execute(&command, once.as_deref())).await,
        Err(error) => Err(error),
    };
    settle(ctx, outcome)
}

async fn system(ctx: &Context<'_>, id: Option<SystemId>) -> async_graphql::Result<Option<SystemNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let found = Box::pin(hub::queries::list(cx)).await.or_top_level(ctx)?.into_iter().find(|system| system.id == id);
    Ok(Box::pin(nodes(ctx, found.into_iter().collect())).await?.pop())
}

fn rank(given: Option<i32>) -> Option<u32> {
    // What is out of range is refused where the range is known.
    given.map(|rank| u32::try_from(rank).unwrap_or(u32::MAX))
}

fn overlap(given: i32) -> Result<Duration, Refusal> {
    let wrong = || refuse(Code::Invalid, "overlapHours", "overlapHours is 0 to 720.", "overlapHours 为 0 至 720。");
    u64::try_from(given).map(hours).map_err(|_| wrong())
}

/// Mutations of the hub.
#[derive(Default)]
pub struct HubMutation;

#[Object]
impl HubMutation {
    /// Joins a system; for administrators. Its API key and webhook secret are shown here and never again.
    async fn register_system(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system.")] input: RegisterSystemInput,
    ) -> async_graphql::Result<RegisterSystemPayload> {
        let RegisterSystemInput { key, name, rank: ranked, callback_url, status_map, idempotency_key } = input;
        let command = commands::RegisterSystem {
            name: name.unwrap_or_else(|| key.clone()),
            key,
            rank: rank(ranked),
            callback_url,
            words: status_map.unwrap_or_default().into_iter().map(Into::into).collect(),
        };
        let (registered, user_errors) = Box::pin(execute(ctx, Ok(command), idempotency_key)).await?;
        let (id, api_key, webhook_secret) = match registered {
            Some(commands::Registered { system, api_key, webhook_secret }) => {
                (Some(system), api_key.text, webhook_secret.text)
            }
            None => (None, None, None),
        };
        Ok(RegisterSystemPayload { system: Box::pin(system(ctx, id)).await?, api_key, webhook_secret, user_errors })
    }

    /// Changes a system; for administrators.
    async fn update_system(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateSystemInput,
    ) -> async_graphql::Result<UpdateSystemPayload> {
        let UpdateSystemInput { key, name, rank: ranked, callback_url, status_map, enable, idempotency_key } = input;
        let command = commands::UpdateSystem {
            key,
            name,
            rank: rank(ranked),
            callback_url: match callback_url {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(url) => Some(Some(url)),
            },
            words: status_map.map(|map| map.into_iter().map(Into::into).collect()),
            enable,
        };
        let (id, user_errors) = Box::pin(execute(ctx, Ok(command), idempotency_key)).await?;
        Ok(UpdateSystemPayload { system: Box::pin(system(ctx, id)).await?, user_errors })
    }

    /// Issues another API key of a system; for administrators. It is shown here and never again.
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
        let (issued, user_errors) = Box::pin(execute(ctx, Ok(command), idempotency_key)).await?;
        let (id, api_key) = match issued {
            Some(commands::Issued { system, key: _, text }) => (Some(system), text.text),
            None => (None, None),
        };
        Ok(IssueApiKeyPayload { system: Box::pin(system(ctx, id)).await?, api_key, user_errors })
    }

    /// Ends an API key, and every connection that came with it; for administrators.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: RevokeApiKeyInput,
    ) -> async_graphql::Result<RevokeApiKeyPayload> {
        let RevokeApiKeyInput { api_key_id, idempotency_key } = input;
        let command = id("apiKeyId", &api_key_id).map(|key| commands::RevokeApiKey { key });
        let (id, user_errors) = Box::pin(execute(ctx, command, idempotency_key)).await?;
        Ok(RevokeApiKeyPayload { system: Box::pin(system(ctx, id)).await?, user_errors })
    }

    /// Gives a system's webhook a new secret; for administrators. It is shown here and never again.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system, and how long both secrets sign.")] input: RotateWebhookSecretInput,
    ) -> async_graphql::Result<RotateWebhookSecretPayload> {
        let RotateWebhookSecretInput { system_key, overlap_hours, idempotency_key } = input;
        let command = overlap(overlap_hours)
            .map(|overlap| commands::RotateWebhookSecret { system: system_key, overlap })
            .map_err(Error::from);
        let (rotated, user_errors) = Box::pin(execute(ctx, command, idempotency_key)).await?;
        let (id, webhook_secret) = match rotated {
            Some(commands::Rotated { system, secret }) => (Some(system), secret.text),
            None => (None, None),
        };
        Ok(RotateWebhookSecretPayload { system: Box::pin(system(ctx, id)).await?, webhook_secret, user_errors })
    }

    /// What a system says of tickets, each by its token; for systems, by their API key. Whatever the order of arrival, the latest
    /// timestamp wins, and whoever holds something else is sent a correction.
    #[graphql(complexity = "20 + input.reports.len() * child_complexity")]
    async fn report_statuses(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reports.")] input: ReportStatusesInput,
    ) -> async_graphql::Result<ReportStatusesPayload> {
        let ReportStatusesInput { reports, sent_at, idempotency_key } = input;
        let given = |report: StatusReportInput| {
            let StatusReportInput { uuid, status, timestamp, operator, event_id, cause_id } = report;
            commands::Given { token: uuid, word: status, at: timestamp.0, operator, event_id, cause: cause_id }
        };
        let command = commands::ReportStatuses {
            reports: reports.into_iter().map(given).collect(),
            sent_at: sent_at.map(|at| at.0),
        };
        let (results, user_errors) = Box::pin(execute(ctx, Ok(command), idempotency_key)).await?;
        let language = ctx.data_unchecked::<Caller>().language;
        let result = |result: commands::Reported| {
            let commands::Reported { token, outcome, code, message, truth } = result;
            StatusReportResult {
                uuid: token,
                outcome: outcome.into(),
                code: code.map(Into::into),
                message: message.map(|message| language.say(&message)),
                truth: truth.map(Into::into),
            }
        };
        Ok(ReportStatusesPayload {
            results: results.unwrap_or_default().into_iter().map(result).collect(),
            user_errors,
        })
    }

    /// Says that a step which a system reported, and which waits on a ticket, is not so: the ticket stays where it is, and the
    /// systems are corrected.
    async fn dismiss_pending_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: DismissPendingReportInput,
    ) -> async_graphql::Result<DismissPendingReportPayload> {
        let DismissPendingReportInput { ticket_id, expected_version, idempotency_key } = input;
        let command =
            id("ticketId", &ticket_id).map(|ticket| commands::DismissPendingReport { ticket, expected_version });
        let (ticket, user_errors) = Box::pin(execute(ctx, command, idempotency_key)).await?;
        Ok(DismissPendingReportPayload {
            ticket: Box::pin(super::super::mutation::ticket(ctx, ticket)).await?,
            user_errors,
        })
    }

    /// Sends a dead letter again; for administrators.
    async fn replay_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery.")] input: ReplayDeliveryInput,
    ) -> async_graphql::Result<ReplayDeliveryPayload> {
        let ReplayDeliveryInput { delivery_id, idempotency_key } = input;
        let command = id("deliveryId", &delivery_id).map(|correction| commands::ReplayDelivery { correction });
        let (id, user_errors) = Box::pin(execute(ctx, command, idempotency_key)).await?;
        Ok(ReplayDeliveryPayload { delivery_id: id.map(|id| id.to_string().into()), user_errors })
    }

    /// Sends all dead letters of a system again; for administrators.
    async fn replay_dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system.")] input: ReplayDeadLettersInput,
    ) -> async_graphql::Result<ReplayDeadLettersPayload> {
        let ReplayDeadLettersInput { system_key, idempotency_key } = input;
        let command = commands::ReplayDeadLetters { system: system_key };
        let (replayed, user_errors) = Box::pin(execute(ctx, Ok(command), idempotency_key)).await?;
        Ok(ReplayDeadLettersPayload { replayed: replayed.map(int), user_errors })
    }
}
