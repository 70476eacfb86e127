//! What reaches whom, and what people say of what they were told.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::kernel::UserId;
use domain::notifications;
use domain::notifications::model as told;

use super::duty::signed_in;
use super::error::{OrTopLevel as _, UserError, settle};
use super::notifications::{NotificationNode, notification};
use super::words::{Channel, MessageLanguage};
use super::{Caller, inputs};

/// A way to somebody.
#[derive(SimpleObject)]
pub struct Terminal {
    /// Which way.
    channel: Channel,
    /// The address there.
    address: String,
    /// Where messages go first, when none was used of late.
    primary: bool,
}

/// How somebody wants to be told.
#[derive(SimpleObject)]
pub struct NotificationPreference {
    /// In which language; null: the organisation's.
    language: Option<MessageLanguage>,
    /// From this minute of the day nothing but levels 2 and 3 makes a noise.
    quiet_from_minute: Option<i32>,
    /// To this minute; past midnight where it is the smaller one.
    quiet_to_minute: Option<i32>,
}

/// A way to somebody.
#[derive(InputObject)]
pub struct BindTerminalInput {
    /// Which way.
    channel: Channel,
    /// The address there: a user id of WeCom, DingTalk or Feishu, an e-mail address, a telephone number, a push subscription as
    /// JSON. WEB has none.
    #[graphql(default)]
    address: String,
    /// Messages go here first, when no channel was used of late. The first one bound is primary in any case.
    #[graphql(default)]
    primary: bool,
    /// For somebody else; for administrators.
    user_id: Option<ID>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// A way that is no more.
#[derive(InputObject)]
pub struct UnbindTerminalInput {
    /// Which way.
    channel: Channel,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// Where somebody is.
#[derive(InputObject)]
pub struct ReportActivityInput {
    /// The channel that they use now.
    channel: Channel,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// How somebody wants to be told.
#[derive(InputObject)]
pub struct SaveNotificationPreferenceInput {
    /// In which language; none: the organisation's.
    language: Option<MessageLanguage>,
    /// From this minute of the day, 0 to 1439, nothing but levels 2 and 3 makes a noise.
    quiet_from_minute: Option<i32>,
    /// To this minute; past midnight where it is the smaller one.
    quiet_to_minute: Option<i32>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

macro_rules! notification_inputs {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(InputObject)]
        pub struct $name {
            /// The notification.
            notification_id: ID,
            /// The same key and input give the same answer for 24 h.
            idempotency_key: Option<String>,
        }
    )*};
}

notification_inputs! {
    /// A notification that a client has.
    AcknowledgeNotificationInput,
    /// A notification whose page its recipient has loaded.
    MarkNotificationOpenedInput
}

macro_rules! terminals_payload {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// All ways to the person now, the primary one first.
            terminals: Vec<Terminal>,
            /// Why nothing was changed; empty where it was.
            user_errors: Vec<UserError>,
        }
    )*};
}

terminals_payload! {
    /// What binding a terminal came to.
    BindTerminalPayload,
    /// What unbinding a terminal came to.
    UnbindTerminalPayload,
    /// What reporting where somebody is came to.
    ReportActivityPayload
}

macro_rules! notification_payload {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The notification as it is now.
            notification: Option<NotificationNode>,
            /// Why nothing was changed; empty where it was.
            user_errors: Vec<UserError>,
        }
    )*};
}

notification_payload! {
    /// What acknowledging a notification came to.
    AcknowledgeNotificationPayload,
    /// What opening a notification came to.
    MarkNotificationOpenedPayload
}

/// What saving a preference came to.
#[derive(SimpleObject)]
pub struct SaveNotificationPreferencePayload {
    /// The preference as it is now.
    preference: Option<NotificationPreference>,
    /// Why nothing was saved; empty where it was.
    user_errors: Vec<UserError>,
}

/// Queries of what reaches the viewer.
#[derive(Default)]
pub struct TerminalQuery;

#[Object]
impl TerminalQuery {
    /// The ways to the viewer, the primary one first.
    async fn terminals(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Terminal>> {
        let user = signed_in(ctx).or_top_level(ctx)?;
        terminals(ctx, Some(user)).await
    }

    /// How the viewer wants to be told.
    async fn notification_preference(&self, ctx: &Context<'_>) -> async_graphql::Result<NotificationPreference> {
        let user = signed_in(ctx).or_top_level(ctx)?;
        preference(ctx, user).await
    }
}

async fn terminals(ctx: &Context<'_>, user: Option<UserId>) -> async_graphql::Result<Vec<Terminal>> {
    let Some(user) = user else { return Ok(Vec::new()) };
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let found = notifications::queries::terminals(cx.read(), user).await.or_top_level(ctx)?;
    let terminal =
        |told::Terminal { user: _, channel, address, primary }| Terminal { channel: channel.into(), address, primary };
    Ok(found.into_iter().map(terminal).collect())
}

async fn preference(ctx: &Context<'_>, user: UserId) -> async_graphql::Result<NotificationPreference> {
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let told::Preference { language, quiet } =
        notifications::queries::preference(cx.read(), user).await.or_top_level(ctx)?;
    Ok(NotificationPreference {
        language: language.map(Into::into),
        quiet_from_minute: quiet.map(|(from, _)| i32::from(from)),
        quiet_to_minute: quiet.map(|(_, to)| i32::from(to)),
    })
}

/// Mutations of what one is told.
#[derive(Default)]
pub struct NotificationMutation;

#[Object]
impl NotificationMutation {
    /// Binds a way to the caller.
    async fn bind_terminal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which way.")] input: BindTerminalInput,
    ) -> async_graphql::Result<BindTerminalPayload> {
        let BindTerminalInput { channel, address, primary, user_id, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            signed_in(ctx)?;
            let user = user_id.map(|id| inputs::id("userId", &id)).transpose()?;
            let command = told::BindTerminal { channel: channel.into(), address, primary, user };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (user, user_errors) = settle(ctx, outcome.await)?;
        Ok(BindTerminalPayload { terminals: terminals(ctx, user).await?, user_errors })
    }

    /// Takes a way to the caller away.
    async fn unbind_terminal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which way.")] input: UnbindTerminalInput,
    ) -> async_graphql::Result<UnbindTerminalPayload> {
        let UnbindTerminalInput { channel, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let command = told::UnbindTerminal { channel: channel.into() };
        let (user, user_errors) = settle(ctx, cx.execute(&command, idempotency_key.as_deref()).await)?;
        Ok(UnbindTerminalPayload { terminals: terminals(ctx, user).await?, user_errors })
    }

    /// Says that the caller is at a channel now: messages go there first for two hours.
    async fn report_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which channel.")] input: ReportActivityInput,
    ) -> async_graphql::Result<ReportActivityPayload> {
        let ReportActivityInput { channel, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let command = told::ReportActivity { channel: channel.into() };
        let (user, user_errors) = settle(ctx, cx.execute(&command, idempotency_key.as_deref()).await)?;
        Ok(ReportActivityPayload { terminals: terminals(ctx, user).await?, user_errors })
    }

    /// Says how the caller wants to be told.
    async fn save_notification_preference(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How.")] input: SaveNotificationPreferenceInput,
    ) -> async_graphql::Result<SaveNotificationPreferencePayload> {
        let SaveNotificationPreferenceInput { language, quiet_from_minute, quiet_to_minute, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let command = told::SavePreference { language: language.map(Into::into), quiet_from_minute, quiet_to_minute };
        let (user, user_errors) = settle(ctx, cx.execute(&command, idempotency_key.as_deref()).await)?;
        let preference = match user {
            Some(user) => Some(preference(ctx, user).await?),
            None => None,
        };
        Ok(SaveNotificationPreferencePayload { preference, user_errors })
    }

    /// Says that a client has a notification of the caller: it is delivered.
    async fn acknowledge_notification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: AcknowledgeNotificationInput,
    ) -> async_graphql::Result<AcknowledgeNotificationPayload> {
        let AcknowledgeNotificationInput { notification_id, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            signed_in(ctx)?;
            let id = inputs::id("notificationId", &notification_id)?;
            cx.execute(&told::AcknowledgeNotification { notification: id }, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        Ok(AcknowledgeNotificationPayload { notification: notification(ctx, id).await?, user_errors })
    }

    /// Says that the caller has loaded the page that a notification leads to.
    async fn mark_notification_opened(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: MarkNotificationOpenedInput,
    ) -> async_graphql::Result<MarkNotificationOpenedPayload> {
        let MarkNotificationOpenedInput { notification_id, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            signed_in(ctx)?;
            let id = inputs::id("notificationId", &notification_id)?;
            cx.execute(&told::MarkOpened { notification: id }, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        Ok(MarkNotificationOpenedPayload { notification: notification(ctx, id).await?, user_errors })
    }
}
