//! Credentials, quarantined submissions and the health of gateways.

mod health;

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, MergedObject, Object};
use domain::credentials;
use domain::credentials::model::{Credential, Parts, RotateCredential, SaveCredential};
use domain::intake;
use domain::intake::model::{DismissQuarantined, Gateway, QuarantinedSubmission, ReleaseQuarantined};
use domain::kernel::{Code, CredentialId, Error, TicketId, Timestamp, refuse};
use graphql_macros::paged;

use self::health::GatewayHealth;
use super::error::{OrTopLevel as _, payload_parts};
use super::execute::{mutations, returned_count};
use super::guard::{cx, language};
use super::inputs::{id, optional_id, overlap};
use super::loaders::Loaders;
use super::paging::{PageArgs, Relay, relay};
use super::people::{UserNode, existing_user};
use super::scalars::{DateTime, int, mirror};
use super::ticket::{TicketNode, ticket};
use domain::msg;

mirror! {
    /// What a credential is for, and the parts its secret has.
    CredentialKind of credentials::model::CredentialKind {
        /// Callbacks from WeCom: token, encodingAesKey, receiveId (the corp id).
        WecomCallback,
        /// Callbacks from DingTalk: appSecret; for events also token, aesKey, appKey.
        DingtalkCallback,
        /// Callbacks from Feishu: encryptKey, verificationToken.
        FeishuCallback,
        /// Signed requests of another party's programs (Standard Webhooks): secret.
        ApiSignature,
        /// The organisation's mail server authenticates senders: authservId, its name in Authentication-Results (RFC
        /// 8601).
        EmailAuthentication,
        /// The public web form: secret, which signs the forms that Buoy serves.
        WebForm,
        /// An account for outgoing messages. Its secret is in the configuration; this entry is created automatically
        /// and holds its owner and expiry.
        ChannelAccount,
        /// Any other secret that expires: secret.
        Other,
    }
}

mirror! {
    /// Why a submission was quarantined.
    QuarantineReason of intake::model::Reason {
        /// The gateway has no credential.
        NoCredential,
        /// The signature is missing, or does not match any valid secret.
        SignatureInvalid,
        /// The signed timestamp is too far from the time of arrival.
        TimestampInvalid,
        /// It cannot be decrypted, or is addressed to another recipient.
        DecryptionFailed,
        /// The signature is valid, but the content cannot be parsed.
        Malformed,
        /// The signature is valid, but the content refers to something unknown.
        Refused,
    }
}

/// The metadata of a credential.
pub struct CredentialNode(Credential);

/// A credential shared with another party. The secret itself is never shown.
#[Object(name = "Credential")]
impl CredentialNode {
    /// Globally unique id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The key; for a gateway's credential it is the gateway's key: wecom, dingtalk, feishu, api, email or web.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// What the credential is for.
    async fn kind(&self) -> CredentialKind {
        self.0.kind.into()
    }

    /// The display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The person who is warned and can renew it.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.owner).await
    }

    /// When it expires at the other party; null if it does not. The owner is warned 7, 3, 1 and 0 days before, or as
    /// configured.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// When the secret was last changed; null if never.
    async fn rotated_at(&self) -> Option<DateTime> {
        self.0.rotated_at.map(Into::into)
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Since when the other party has rejected it; null if it is accepted or was never checked.
    async fn failing_since(&self) -> Option<DateTime> {
        self.0.failing_since.map(Into::into)
    }

    /// The other party's error message; null if it is not rejected.
    async fn failure(&self, ctx: &Context<'_>) -> Option<String> {
        let language = language(ctx);
        self.0.failure.as_ref().map(|failure| failure.text(language))
    }

    /// When it was last checked with the other party, or last accepted or rejected by it; null if it cannot be checked.
    async fn probed_at(&self) -> Option<DateTime> {
        self.0.probed_at.map(Into::into)
    }
}

/// A quarantined submission.
pub struct QuarantinedNode(QuarantinedSubmission);

/// A submission that failed its check. It is kept encrypted and can be released after the credential is corrected.
#[Object(name = "QuarantinedSubmission")]
impl QuarantinedNode {
    /// Globally unique id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Key of the gateway that received it.
    async fn gateway(&self) -> &str {
        self.0.gateway.as_str()
    }

    /// The address it was sent from.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// Why it failed the check.
    async fn reason(&self) -> QuarantineReason {
        self.0.reason.into()
    }

    /// When it was received.
    async fn received_at(&self) -> DateTime {
        self.0.received_at.into()
    }

    /// When it was released; null while it is held.
    async fn released_at(&self) -> Option<DateTime> {
        self.0.released_at.map(Into::into)
    }

    /// When it was dismissed as not being a request; null if it was not.
    async fn dismissed_at(&self) -> Option<DateTime> {
        self.0.dismissed_at.map(Into::into)
    }

    /// The ticket it became; null if there is none.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let Some(ticket) = self.0.ticket else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(ticket).await.or_top_level(ctx)?.map(TicketNode))
    }
}

/// One part of a secret.
#[derive(InputObject)]
pub struct CredentialPartInput {
    /// The name of the part, such as token.
    name: String,
    /// The value; it is never shown again.
    value: String,
}

fn parts_of(given: Vec<CredentialPartInput>) -> Parts {
    Parts(given.into_iter().map(|CredentialPartInput { name, value }| (name, value)).collect::<BTreeMap<_, _>>())
}

mutations! {
    /// A gateway whose held submissions are checked again.
    ReleaseGatewayInput {
        /// Key of the gateway: wecom, dingtalk, feishu, api, email or web.
        gateway: String,
    } (
        /// Accepted for uniformity; released submissions stay released in any case.
        idempotency_key
    ) => ReleaseGatewayPayload {
        /// How many were released; at most 500 are checked, oldest first. Null if the mutation was refused.
        released: Option<i32>,
        /// How many still fail the check; null if the mutation was refused.
        #[graphql(deprecation = "Use stillQuarantined.")]
        kept: Option<i32>,
        /// How many still fail the check; null if the mutation was refused.
        still_quarantined: Option<i32>,
    }
}

/// `None`: unchanged; `Some(None)`: never expires.
fn expiry(given: MaybeUndefined<DateTime>) -> Option<Option<Timestamp>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(at) => Some(Some(at.0)),
    }
}

fn gateway_of(field: &str, key: &str) -> Result<Gateway, Error> {
    key.parse::<Gateway>().map_err(|_| {
        let all = Gateway::ALL.iter().map(|gateway| gateway.as_str()).collect::<Vec<_>>().join(", ");
        refuse(Code::UnknownKey, field, msg!("intake-gateway-unknown", key = key, gateways = all)).into()
    })
}

async fn credential(ctx: &Context<'_>, id: Option<CredentialId>) -> async_graphql::Result<Option<CredentialNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = cx(ctx);
    let all = credentials::queries::list(cx).await.or_top_level(ctx)?;
    Ok(all.into_iter().find(|one| one.id == id).map(CredentialNode))
}

/// Queries of gateways.
#[derive(Default)]
pub struct IntakeQuery;

#[paged]
#[Object]
impl IntakeQuery {
    /// All credentials, ordered by key; for administrators.
    async fn credentials(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CredentialNode>> {
        let cx = cx(ctx);
        let all = credentials::queries::list(cx).await.or_top_level(ctx)?;
        Ok(all.into_iter().map(CredentialNode).collect())
    }

    /// The health of every intake gateway; for administrators.
    async fn gateways(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<GatewayHealth>> {
        let (all, language) = (intake::queries::health(cx(ctx)).await.or_top_level(ctx)?, language(ctx));
        Ok(all.into_iter().map(|health| GatewayHealth::of(health, language)).collect())
    }

    /// Submissions that failed their check, newest first, including released ones; for administrators.
    async fn quarantined_submissions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this gateway; if not given, of all.")] gateway: Option<String>,
        page: PageArgs,
    ) -> async_graphql::Result<Relay<QuarantinedNode>> {
        let page = page.checked(ctx)?;
        let gateway = gateway.map(|key| gateway_of("gateway", &key)).transpose().or_top_level(ctx)?;
        let cx = cx(ctx);
        Ok(relay(intake::queries::list(cx, gateway, &page).await.or_top_level(ctx)?, QuarantinedNode))
    }

    /// The body of the request of a held or dismissed submission, as received, at most 20,000 characters; still
    /// encrypted if the gateway encrypts. Null if there is none, the submission was released, or it was dismissed long ago; for
    /// administrators.
    async fn quarantined_body(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The submission.")] submission_id: ID,
    ) -> async_graphql::Result<Option<String>> {
        let cx = cx(ctx);
        let submission = id("submissionId", &submission_id).or_top_level(ctx)?;
        intake::commands::body(cx, submission).await.or_top_level(ctx)
    }

    /// The mails and requests that a ticket and its comments were made of, as received, oldest first, each under its gateway and time;
    /// at most 500,000 characters; still encrypted if the gateway encrypts. Null if none is kept: they are deleted after `intake.raw_days`, or
    /// when a text of the ticket is redacted; for administrators.
    async fn raw_submission(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] ticket_id: ID,
    ) -> async_graphql::Result<Option<String>> {
        let cx = cx(ctx);
        let ticket = id("ticketId", &ticket_id).or_top_level(ctx)?;
        intake::commands::raw_submission(cx, ticket).await.or_top_level(ctx)
    }
}

/// Mutations of intake.
#[derive(MergedObject, Default)]
pub struct IntakeMutation(GatewayMutation, CredentialMutation, QuarantineMutation);

/// Mutations of gateways.
#[derive(Default)]
pub struct GatewayMutation;

#[Object]
impl GatewayMutation {
    /// Checks all held submissions of a gateway again, oldest first, and releases those that pass; for administrators.
    async fn release_gateway(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The gateway.")] input: ReleaseGatewayInput,
    ) -> async_graphql::Result<ReleaseGatewayPayload> {
        let ReleaseGatewayInput { gateway, idempotency_key: _ } = input;
        let cx = cx(ctx);
        let released = match gateway_of("gateway", &gateway) {
            _ if cx.actor.user_id().is_none() => Err(Error::unauthenticated()),
            Ok(gateway) => intake::commands::release_gateway(cx, gateway).await,
            Err(refused) => Err(refused),
        };
        let (released, user_errors) = payload_parts(ctx, released)?;
        Ok(ReleaseGatewayPayload {
            released: released.map(|outcome| int(outcome.released)),
            kept: released.map(|outcome| int(outcome.still_quarantined)),
            still_quarantined: released.map(|outcome| int(outcome.still_quarantined)),
            user_errors,
        })
    }
}

mutations! {
    /// Mutations of credentials; for administrators.
    pub struct CredentialMutation;

    payload {
        /// The credential after the mutation; null if it was refused.
        credential: Option<CredentialNode> = credential,
    }

    /// Creates a credential, or changes its metadata; for administrators.
    save_credential("The credential.")
    /// A credential to create, or changes to its metadata.
    SaveCredentialInput {
        /// The key; for a gateway's credential it is the gateway's key: wecom, dingtalk, feishu, api, email or web.
        key: String,
        /// What the credential is for; it cannot be changed later.
        kind: CredentialKind,
        /// The display name.
        name: Option<String>,
        /// The person who is warned; for a new credential by default the caller.
        owner_id: Option<ID>,
        /// When it expires at the other party; null: never; not given: unchanged.
        expires_at: MaybeUndefined<DateTime>,
        /// The parts of the secret of a new credential.
        parts: Option<Vec<CredentialPartInput>>,
    } => SaveCredential {
        key,
        kind: kind.into(),
        name,
        owner: optional_id("ownerId", owner_id.as_ref())?,
        expires_at: expiry(expires_at),
        parts: parts.map(parts_of),
    } => SaveCredentialPayload {}

    /// Gives a credential a new secret; for administrators. The old secret stays valid during the overlap.
    rotate_credential("The new secret.")
    /// A new secret for a credential.
    RotateCredentialInput {
        /// Key of the credential.
        key: String,
        /// The parts of the new secret.
        parts: Vec<CredentialPartInput>,
        /// For how many hours the old secret also stays valid; at most 720. With 0 it becomes invalid at once.
        #[graphql(default = 24)]
        overlap_hours: i32,
        /// When the new secret expires at the other party; null: never; not given: unchanged.
        expires_at: MaybeUndefined<DateTime>,
    } => RotateCredential {
        key,
        overlap: overlap(overlap_hours)?,
        expires_at: expiry(expires_at),
        parts: parts_of(parts),
    } => RotateCredentialPayload {}
}

mutations! {
    /// Mutations of quarantined submissions; for administrators.
    pub struct QuarantineMutation;

    /// Checks a quarantined submission again, as of the time it arrived, and turns it into a ticket if it passes; for
    /// administrators.
    release_quarantined("The submission.")
    /// A submission to check again.
    ReleaseQuarantinedInput {
        /// The submission.
        submission_id: ID,
    } => ReleaseQuarantined { submission: id("submissionId", &submission_id)? } => ReleaseQuarantinedPayload {
        /// The ticket it became; null if the submission contained no request, or the mutation was refused.
        ticket: Option<TicketNode> = released_ticket,
    } (
        /// Why it is still held; empty if it was released.
        user_errors
    )

    /// Dismisses quarantined submissions that are not requests: they no longer wait, and their content is deleted after a time
    /// that is a setting (7 days by default); for administrators.
    dismiss_quarantined("The submissions.")
    /// Quarantined submissions that are not requests: give `submissionId`, or `gateway` and `source`.
    DismissQuarantinedInput {
        /// A single submission.
        submission_id: Option<ID>,
        /// Key of a gateway; with `source`, all its held submissions from that source.
        gateway: Option<String>,
        /// The address of the source; given together with `gateway`.
        source: Option<String>,
    } => DismissQuarantined {
        submission: optional_id("submissionId", submission_id.as_ref())?,
        of: gateway.map(|key| gateway_of("gateway", &key)).transpose()?.zip(source),
    } => DismissQuarantinedPayload {
        /// How many submissions were dismissed; null if the mutation was refused.
        dismissed: Option<i32> = returned_count,
    }
}

async fn released_ticket(ctx: &Context<'_>, id: Option<Option<TicketId>>) -> async_graphql::Result<Option<TicketNode>> {
    ticket(ctx, id.flatten()).await
}
