//! Contact methods (terminals) of people, their notification preferences, and the acknowledgement of notifications.

use async_graphql::{Context, ID, InputObject, MergedObject, Object, SimpleObject};
use domain::kernel::UserId;
use domain::notifications;
use domain::notifications::model;

use super::enums::{Channel, MessageLanguage, NotificationCause, NotificationWay};
use super::error::{OrTopLevel as _, UserError, payload_parts};
use super::execute::mutations;
use super::guard::{cx, language, signed_in};
use super::inputs::{id, optional_id};
use super::notifications::{NotificationNode, notification};
use super::scalars::DateTime;

/// A contact channel by which a person is notified.
#[derive(SimpleObject)]
pub struct Terminal {
    /// The channel.
    channel: Channel,
    /// The address on the channel.
    address: String,
    /// Whether it is the primary terminal, used first when no channel was active recently.
    primary: bool,
    /// Since when the address counts: a code that was sent to it was typed in, or an administrator bound it. Null: nothing
    /// but codes is sent to it, and nobody is recognised by it.
    proved_at: Option<DateTime>,
    /// The address that replaces a proved one once the code that was sent to it is typed in; null: there is none.
    pending_address: Option<String>,
    /// Until when the code that was last sent to the unproved or pending address is valid; null: none is.
    code_expires_at: Option<DateTime>,
    /// Why the last code could not be sent; null: it was sent, or is about to be.
    code_failure: Option<String>,
}

/// How a person is notified.
#[derive(SimpleObject)]
pub struct NotificationPreference {
    /// The language of notifications; null: the organisation's default.
    language: Option<MessageLanguage>,
    /// Start of quiet hours, as a minute of the day; only levels 2 and 3 of escalations alert the person during them.
    /// Null: no quiet hours.
    quiet_from_minute: Option<i32>,
    /// End of quiet hours, as a minute of the day; smaller than the start means past midnight. Null: no quiet hours.
    quiet_to_minute: Option<i32>,
    /// How the person hears of what they have chosen; of everything else by the channel that they use.
    ways: Vec<ChosenNotificationWay>,
}

/// How a person hears of one cause.
#[derive(SimpleObject)]
pub struct ChosenNotificationWay {
    /// The cause.
    cause: NotificationCause,
    /// The way.
    way: NotificationWay,
}

/// Queries of the viewer's contact methods and preferences.
#[derive(Default)]
pub struct ContactMethodQuery;

#[Object]
impl ContactMethodQuery {
    /// The viewer's terminals (contact channels), the primary one first.
    async fn terminals(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Terminal>> {
        let user = signed_in(ctx).or_top_level(ctx)?;
        terminals(ctx, Some(user)).await
    }

    /// How the viewer is notified.
    async fn notification_preference(&self, ctx: &Context<'_>) -> async_graphql::Result<NotificationPreference> {
        let user = signed_in(ctx).or_top_level(ctx)?;
        preference(ctx, user).await
    }
}

async fn terminals(ctx: &Context<'_>, user: Option<UserId>) -> async_graphql::Result<Vec<Terminal>> {
    let Some(user) = user else { return Ok(Vec::new()) };
    let cx = cx(ctx);
    let found = notifications::queries::terminals(cx.read(), user).await.or_top_level(ctx)?;
    let codes = notifications::queries::codes(cx.read(), user, cx.now() - model::CODE_TTL).await.or_top_level(ctx)?;
    let terminal = |terminal: model::Terminal| {
        let code = model::pending(&terminal, &codes);
        let model::Terminal { user: _, channel, address, primary, proved_at } = terminal;
        Terminal {
            channel: channel.into(),
            primary,
            proved_at: proved_at.map(DateTime),
            pending_address: code.filter(|_| proved_at.is_some()).map(|code| code.address.clone()),
            code_expires_at: code.map(|code| DateTime(code.expires_at())),
            code_failure: code.and_then(|code| Some(code.failure.as_ref()?.text(language(ctx)))),
            address,
        }
    };
    Ok(found.into_iter().map(terminal).collect())
}

async fn preference(ctx: &Context<'_>, user: UserId) -> async_graphql::Result<NotificationPreference> {
    let cx = cx(ctx);
    let model::Preference { language, quiet, ways } =
        notifications::queries::preference(cx.read(), user).await.or_top_level(ctx)?;
    Ok(NotificationPreference {
        language: language.map(Into::into),
        quiet_from_minute: quiet.map(|(from, _)| i32::from(from)),
        quiet_to_minute: quiet.map(|(_, to)| i32::from(to)),
        ways: ways
            .into_iter()
            .map(|(cause, way)| ChosenNotificationWay { cause: cause.into(), way: way.into() })
            .collect(),
    })
}

/// Mutations of contact methods, preferences and notifications.
#[derive(MergedObject, Default)]
pub struct NotificationMutation(TerminalMutation, ConfirmTerminalMutation, PreferenceMutation, ReceiptMutation);

mutations! {
    /// Mutations of contact methods.
    pub struct TerminalMutation;

    payload {
        /// All terminals of the person after the mutation, the primary one first.
        terminals: Vec<Terminal> = terminals,
    }

    /// Binds a terminal (contact channel). If the caller is no administrator and has not proved the address before, a code
    /// is sent to it, which proves it by `confirmTerminal`. A proved address has one holder: whoever proved it last.
    bind_terminal("The terminal.")
    /// A terminal (contact channel) to bind.
    BindTerminalInput {
        /// The channel.
        channel: Channel,
        /// The address on the channel: a WeCom, DingTalk or Feishu user id, an e-mail address, a telephone number, or a
        /// push subscription as JSON. WEB has none.
        #[graphql(default)]
        address: String,
        /// Whether it becomes the primary terminal, used first when no channel was active recently. The first terminal
        /// bound is always primary.
        #[graphql(default)]
        primary: bool,
        /// The person it is bound for; by default the caller. For administrators.
        user_id: Option<ID>,
    } => model::BindTerminal {
        channel: channel.into(),
        address,
        primary,
        user: optional_id("userId", user_id.as_ref())?,
    } => BindTerminalPayload {}

    /// Removes a terminal (contact channel).
    unbind_terminal("The channel.")
    /// A terminal (contact channel) to remove.
    UnbindTerminalInput {
        /// The channel.
        channel: Channel,
        /// The person from whom it is removed; by default the caller. For administrators.
        user_id: Option<ID>,
    } => model::UnbindTerminal {
        channel: channel.into(),
        user: optional_id("userId", user_id.as_ref())?,
    } => UnbindTerminalPayload {}

    /// Reports that the caller is using a channel now: notifications go to it first for the next two hours.
    report_activity("The channel.")
    /// The channel that the caller is using now.
    ReportActivityInput {
        /// The channel.
        channel: Channel,
    } => model::ReportActivity { channel: channel.into() } => ReportActivityPayload {}
}

/// The code that was sent to the address of a terminal.
#[derive(InputObject)]
pub struct ConfirmTerminalInput {
    /// The channel of the terminal.
    channel: Channel,
    /// The six digits of the code.
    code: String,
    /// Idempotency key: a repeated call with the same key and input returns the first answer, for 24 h.
    idempotency_key: Option<String>,
}

/// The result of `confirmTerminal`.
#[derive(SimpleObject)]
pub struct ConfirmTerminalPayload {
    /// All terminals of the caller after the mutation, the primary one first.
    terminals: Vec<Terminal>,
    /// Errors that the caller can correct; empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The mutation that proves an address.
#[derive(Default)]
pub struct ConfirmTerminalMutation;

#[Object]
impl ConfirmTerminalMutation {
    /// Proves the address of a terminal of the caller by the code that was sent to it. A code is valid for ten minutes and
    /// five attempts.
    async fn confirm_terminal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code.")] input: ConfirmTerminalInput,
    ) -> async_graphql::Result<ConfirmTerminalPayload> {
        let cx = cx(ctx);
        let ConfirmTerminalInput { channel, code, idempotency_key } = input;
        let outcome =
            notifications::commands::confirm_address(cx, channel.into(), code, idempotency_key.as_deref()).await;
        let (user, user_errors) = payload_parts(ctx, outcome)?;
        let user = user.or_else(|| cx.actor.user_id());
        Ok(ConfirmTerminalPayload { terminals: terminals(ctx, user).await?, user_errors })
    }
}

mutations! {
    /// Mutations of preferences.
    pub struct PreferenceMutation;

    /// Saves how the caller is notified.
    save_notification_preference("The preferences.")
    /// How the caller is notified.
    SaveNotificationPreferenceInput {
        /// The language of notifications; if not given, the organisation's default.
        language: Option<MessageLanguage>,
        /// Start of quiet hours, as a minute of the day, 0 to 1439; only levels 2 and 3 of escalations alert the person
        /// during them.
        quiet_from_minute: Option<i32>,
        /// End of quiet hours, as a minute of the day; smaller than the start means past midnight.
        quiet_to_minute: Option<i32>,
    } => model::SavePreference {
        language: language.map(Into::into),
        quiet_from_minute,
        quiet_to_minute,
    } => SaveNotificationPreferencePayload {
        /// The preferences after the mutation; null if it was refused.
        preference: Option<NotificationPreference> = saved_preference,
    }

    /// Chooses how the caller hears of a cause. Levels 2 and 3 of escalations and alerts cannot be moved.
    save_notification_way("The cause and the way.")
    /// How the caller hears of a cause.
    SaveNotificationWayInput {
        /// The cause.
        cause: NotificationCause,
        /// The way; if not given, by the channel that the caller uses.
        way: Option<NotificationWay>,
    } => model::SaveNotificationWay { cause: cause.into(), way: way.map(Into::into) } => SaveNotificationWayPayload {
        /// The preferences after the mutation; null if it was refused.
        preference: Option<NotificationPreference> = saved_preference,
    }
}

mutations! {
    /// Mutations of the state of a notification.
    pub struct ReceiptMutation;

    input {
        /// The notification.
        notification_id: ID,
    }
    payload {
        /// The notification after the mutation; null if it was refused.
        notification: Option<NotificationNode> = notification,
    }

    /// Confirms that a client has received a notification of the caller; the notification is then delivered.
    acknowledge_notification("The notification.")
    /// The notification whose delivery the client confirms.
    AcknowledgeNotificationInput {} => model::AcknowledgeNotification {
        notification: id("notificationId", &notification_id)?,
    } => AcknowledgeNotificationPayload {}

    /// Records that the caller has opened the page that a notification links to.
    mark_notification_opened("The notification.")
    /// The notification whose page the recipient has opened.
    MarkNotificationOpenedInput {} => model::MarkOpened {
        notification: id("notificationId", &notification_id)?,
    } => MarkNotificationOpenedPayload {}
}

async fn saved_preference(
    ctx: &Context<'_>,
    user: Option<UserId>,
) -> async_graphql::Result<Option<NotificationPreference>> {
    let Some(user) = user else { return Ok(None) };
    preference(ctx, user).await.map(Some)
}
