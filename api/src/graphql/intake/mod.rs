//! Credentials, what came in and failed its check, and how gateways do.

mod health;

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::credentials;
use domain::credentials::model::{Credential, Parts, RotateCredential, SaveCredential};
use domain::intake;
use domain::intake::model::{DismissQuarantined, Gateway, Quarantined, ReleaseQuarantined};
use domain::kernel::{Code, CredentialId, Error, Page, Timestamp, UserId, hours, refuse};

use self::health::GatewayHealth;
use super::Caller;
use super::error::{OrTopLevel as _, UserError, settle};
use super::inputs::id;
use super::loaders::Loaders;
use super::nodes::{Relay, UserNode, relay, somebody};
use super::scalars::{DateTime, int, mirror};
use super::ticket::TicketNode;

mirror! {
    /// What a credential is for, and which parts it has.
    CredentialKind of credentials::model::CredentialKind {
        /// WeCom calls us: token, encodingAesKey, receiveId (the corp id).
        WecomCallback,
        /// DingTalk calls us: appSecret; for events also token, aesKey, appKey.
        DingtalkCallback,
        /// Feishu calls us: encryptKey, verificationToken.
        FeishuCallback,
        /// Another party's programs call us: secret, as Standard Webhooks has it.
        ApiSignature,
        /// The organisation's mail server vouches for who wrote: authservId, its name in Authentication-Results (RFC 8601).
        EmailAuthentication,
        /// The form that anybody may fill in: secret, by which a form that was opened here is known again.
        WebForm,
        /// An account by which messages leave. Its secret is in the configuration: kept here by itself, with owner and end.
        ChannelAccount,
        /// Anything else that ends some day: secret.
        Other,
    }
}

mirror! {
    /// Why a submission did not pass.
    QuarantineReason of intake::model::Reason {
        /// No credential of the gateway is known.
        NoCredential,
        /// The signature is missing, or is not by any secret that is good.
        SignatureInvalid,
        /// It was signed too long before it came, or after.
        TimestampInvalid,
        /// It does not decrypt, or is for somebody else.
        DecryptionFailed,
        /// It is signed well, and does not read.
        Malformed,
        /// It is signed well, and names what is not known here.
        Refused,
    }
}

/// A secret by which another party is known, without the secret.
struct CredentialNode(Credential);

/// A secret by which another party is known; the secret itself is never shown.
#[Object(name = "Credential")]
impl CredentialNode {
    /// Unique among all things.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its key; of a gateway's, the gateway's: wecom, dingtalk, feishu, api, email, web.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// What it is for.
    async fn kind(&self) -> CredentialKind {
        self.0.kind.into()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whoever is warned, and can mend it.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.0.owner).await
    }

    /// When the other party lets it end; null: it has no such date. Its owner is warned 7, 3, 1 and 0 days before, or as
    /// the configuration says.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// When its secret was last changed.
    async fn rotated_at(&self) -> Option<DateTime> {
        self.0.rotated_at.map(Into::into)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Since when the other party does not know it any more; null: it does, or was never asked.
    async fn failing_since(&self) -> Option<DateTime> {
        self.0.failing_since.map(Into::into)
    }

    /// What the other party said to that, in its own words.
    async fn failure(&self) -> Option<&str> {
        self.0.failure.as_deref()
    }

    /// When the other party was last asked, or last said something, whether it knows it; null: it cannot be asked.
    async fn probed_at(&self) -> Option<DateTime> {
        self.0.probed_at.map(Into::into)
    }
}

/// A request that failed its check.
struct QuarantinedNode(Quarantined);

/// A request that failed its check: kept sealed, and released once its credential is mended.
#[Object(name = "QuarantinedSubmission")]
impl QuarantinedNode {
    /// Unique among all things.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The gateway at which it came.
    async fn gateway(&self) -> &str {
        self.0.gateway.word()
    }

    /// The address from which it came.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// Why it did not pass.
    async fn reason(&self) -> QuarantineReason {
        self.0.reason.into()
    }

    /// When it came.
    async fn received_at(&self) -> DateTime {
        self.0.received_at.into()
    }

    /// When it was released; null while it is held.
    async fn released_at(&self) -> Option<DateTime> {
        self.0.released_at.map(Into::into)
    }

    /// When somebody said that it is no request for help.
    async fn dismissed_at(&self) -> Option<DateTime> {
        self.0.dismissed_at.map(Into::into)
    }

    /// The ticket that it became.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let Some(ticket) = self.0.ticket else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(ticket).await.or_top_level(ctx)?.map(TicketNode))
    }
}

/// A part of a secret.
#[derive(InputObject)]
struct CredentialPartInput {
    /// Its name, such as token.
    name: String,
    /// What it is; never shown again.
    value: String,
}

fn parts_of(given: Vec<CredentialPartInput>) -> Parts {
    Parts(given.into_iter().map(|CredentialPartInput { name, value }| (name, value)).collect::<BTreeMap<_, _>>())
}

/// A credential that is made, or what is known of it changed.
#[derive(InputObject)]
struct SaveCredentialInput {
    /// Its key; of a gateway's, the gateway's: wecom, dingtalk, feishu, api, email, web.
    key: String,
    /// What it is for; it keeps its kind.
    kind: CredentialKind,
    /// What people call it.
    name: Option<String>,
    /// Whoever is warned; the caller of a new one where nobody is named.
    owner_id: Option<ID>,
    /// When the other party lets it end; null: never.
    expires_at: MaybeUndefined<DateTime>,
    /// The secret of a new one, by its parts.
    parts: Option<Vec<CredentialPartInput>>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What saving came to.
#[derive(SimpleObject)]
struct SaveCredentialPayload {
    /// The credential.
    credential: Option<CredentialNode>,
    /// Why nothing changed; empty where it did.
    user_errors: Vec<UserError>,
}

/// A new secret.
#[derive(InputObject)]
struct RotateCredentialInput {
    /// Whose secret.
    key: String,
    /// The new secret, by its parts.
    parts: Vec<CredentialPartInput>,
    /// So many hours the secret before verifies beside it; at most 720. 0: the old one is not to be trusted.
    #[graphql(default = 24)]
    overlap_hours: i32,
    /// When the other party lets the new one end; null: never; absent: as before.
    expires_at: MaybeUndefined<DateTime>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What rotating came to.
#[derive(SimpleObject)]
struct RotateCredentialPayload {
    /// The credential.
    credential: Option<CredentialNode>,
    /// Why nothing changed; empty where it did.
    user_errors: Vec<UserError>,
}

/// A submission that is to be checked again.
#[derive(InputObject)]
struct ReleaseQuarantinedInput {
    /// Which one.
    submission_id: ID,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What releasing came to.
#[derive(SimpleObject)]
struct ReleaseQuarantinedPayload {
    /// The ticket that it became; null where it asked for nothing.
    ticket: Option<TicketNode>,
    /// Why it is still held; empty where it is not.
    user_errors: Vec<UserError>,
}

/// What a gateway holds is to be checked again.
#[derive(InputObject)]
struct ReleaseGatewayInput {
    /// The gateway: wecom, dingtalk, feishu, api, email, web.
    gateway: String,
    /// As everywhere; what was released stays so, with or without it.
    idempotency_key: Option<String>,
}

/// What releasing came to.
#[derive(SimpleObject)]
struct ReleaseGatewayPayload {
    /// How many were released; at most 500 are looked at, oldest first.
    released: Option<i32>,
    /// How many still do not pass.
    kept: Option<i32>,
    /// Why none was looked at; empty where they were.
    user_errors: Vec<UserError>,
}

/// What is no request for help.
#[derive(InputObject)]
struct DismissQuarantinedInput {
    /// One submission …
    submission_id: Option<ID>,
    /// … or all that this gateway holds …
    gateway: Option<String>,
    /// … of this source.
    source: Option<String>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What dismissing came to.
#[derive(SimpleObject)]
struct DismissQuarantinedPayload {
    /// How many were dismissed.
    dismissed: Option<i32>,
    /// Why none was; empty where some were.
    user_errors: Vec<UserError>,
}

/// `None`: nothing is said of it; `Some(None)`: never.
fn end(given: MaybeUndefined<DateTime>) -> Option<Option<Timestamp>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(at) => Some(Some(at.0)),
    }
}

fn gateway_of(field: &str, key: &str) -> Result<Gateway, Error> {
    Gateway::parse(key).ok_or_else(|| {
        let all = Gateway::ALL.iter().map(|gateway| gateway.word()).collect::<Vec<_>>().join(", ");
        refuse(
            Code::UnknownKey,
            field,
            format!("There is no gateway {key}: use one of {all}."),
            format!("没有网关 {key}，可用的有 {all}。"),
        )
        .into()
    })
}

async fn credential(ctx: &Context<'_>, id: Option<CredentialId>) -> async_graphql::Result<Option<CredentialNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let all = Box::pin(credentials::queries::list(cx)).await.or_top_level(ctx)?;
    Ok(all.into_iter().find(|one| one.id == id).map(CredentialNode))
}

/// Queries of gateways.
#[derive(Default)]
pub struct IntakeQuery;

#[Object]
impl IntakeQuery {
    /// All credentials, by their keys; for administrators.
    async fn credentials(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CredentialNode>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let all = Box::pin(credentials::queries::list(cx)).await.or_top_level(ctx)?;
        Ok(all.into_iter().map(CredentialNode).collect())
    }

    /// How every gateway does; for administrators.
    async fn gateways(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<GatewayHealth>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let all = Box::pin(intake::queries::health(cx)).await.or_top_level(ctx)?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// Requests that failed their check, newest first, released ones too; for administrators.
    async fn quarantined_submissions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key of a gateway; all where none is given.")] gateway: Option<String>,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<QuarantinedNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let gateway = gateway.map(|key| gateway_of("gateway", &key)).transpose().or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        Ok(relay(Box::pin(intake::queries::list(cx, gateway, &page)).await.or_top_level(ctx)?, QuarantinedNode))
    }

    /// What a submission says that is held or was dismissed: the body of its request as it came, the first 20,000 characters. Of
    /// gateways that encrypt it is what they encrypted. Null where there is none, or it was released; for administrators.
    async fn quarantined_body(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The submission.")] submission_id: ID,
    ) -> async_graphql::Result<Option<String>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let submission = id("submissionId", &submission_id).or_top_level(ctx)?;
        Box::pin(intake::commands::body(cx, submission)).await.or_top_level(ctx)
    }
}

/// Mutations of gateways.
#[derive(Default)]
pub struct IntakeMutation;

#[Object]
impl IntakeMutation {
    /// Makes a credential, or changes what is known of it; for administrators.
    async fn save_credential(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credential.")] input: SaveCredentialInput,
    ) -> async_graphql::Result<SaveCredentialPayload> {
        let SaveCredentialInput { key, kind, name, owner_id, expires_at, parts, idempotency_key } = input;
        let owner = owner_id.map(|owner| id::<UserId>("ownerId", &owner)).transpose();
        let command = owner.map(|owner| SaveCredential {
            key,
            kind: kind.into(),
            name,
            owner,
            expires_at: end(expires_at),
            parts: parts.map(parts_of),
        });
        let (saved, user_errors) = Box::pin(super::hub::execute(ctx, command, idempotency_key)).await?;
        Ok(SaveCredentialPayload { credential: Box::pin(credential(ctx, saved)).await?, user_errors })
    }

    /// Gives a credential a new secret; for administrators. The one before verifies beside it for a while.
    async fn rotate_credential(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new secret.")] input: RotateCredentialInput,
    ) -> async_graphql::Result<RotateCredentialPayload> {
        let RotateCredentialInput { key, parts, overlap_hours, expires_at, idempotency_key } = input;
        let overlap = u64::try_from(overlap_hours).map(hours).map_err(|_| {
            let en = "overlapHours is 0 to 720.";
            Error::from(refuse(Code::Invalid, "overlapHours", en, "overlapHours 为 0 至 720。"))
        });
        let command = overlap.map(|overlap| RotateCredential {
            key,
            overlap,
            expires_at: end(expires_at),
            parts: parts_of(parts),
        });
        let (rotated, user_errors) = Box::pin(super::hub::execute(ctx, command, idempotency_key)).await?;
        Ok(RotateCredentialPayload { credential: Box::pin(credential(ctx, rotated)).await?, user_errors })
    }

    /// Checks a submission again, as of the time when it came, and makes a ticket of it; for administrators.
    async fn release_quarantined(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The submission.")] input: ReleaseQuarantinedInput,
    ) -> async_graphql::Result<ReleaseQuarantinedPayload> {
        let ReleaseQuarantinedInput { submission_id, idempotency_key } = input;
        let command = id("submissionId", &submission_id).map(|submission| ReleaseQuarantined { submission });
        let (ticket, user_errors) = Box::pin(super::hub::execute(ctx, command, idempotency_key)).await?;
        let ticket = Box::pin(super::mutation::ticket(ctx, ticket.flatten())).await?;
        Ok(ReleaseQuarantinedPayload { ticket, user_errors })
    }

    /// The same of all that a gateway holds, oldest first; for administrators.
    async fn release_gateway(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The gateway.")] input: ReleaseGatewayInput,
    ) -> async_graphql::Result<ReleaseGatewayPayload> {
        let ReleaseGatewayInput { gateway, idempotency_key: _ } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let released = match gateway_of("gateway", &gateway) {
            _ if cx.actor.user_id().is_none() => Err(Error::unauthenticated()),
            Ok(gateway) => Box::pin(intake::commands::release_gateway(cx, gateway)).await,
            Err(refused) => Err(refused),
        };
        let (released, user_errors) = settle(ctx, released)?;
        Ok(ReleaseGatewayPayload {
            released: released.map(|outcome| int(outcome.released)),
            kept: released.map(|outcome| int(outcome.kept)),
            user_errors,
        })
    }

    /// Says that submissions are no requests for help: they are kept, and take no place any more; for administrators.
    async fn dismiss_quarantined(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones.")] input: DismissQuarantinedInput,
    ) -> async_graphql::Result<DismissQuarantinedPayload> {
        let DismissQuarantinedInput { submission_id, gateway, source, idempotency_key } = input;
        let command = || {
            let submission = submission_id.map(|given| id("submissionId", &given)).transpose()?;
            let of = gateway.map(|key| gateway_of("gateway", &key)).transpose()?.zip(source);
            Ok(DismissQuarantined { submission, of })
        };
        let (dismissed, user_errors) = Box::pin(super::hub::execute(ctx, command(), idempotency_key)).await?;
        Ok(DismissQuarantinedPayload { dismissed: dismissed.map(int), user_errors })
    }
}
