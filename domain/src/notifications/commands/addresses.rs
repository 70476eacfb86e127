//! Binds addresses of channels to people, and proves them: by a code that is sent to the address and typed in, or by an
//! administrator's act. Until then an address receives nothing else and nobody is recognised by it. A proved address has one
//! holder: whoever proves it last.

use std::time::Duration;

use super::sending::reserve;
use crate::kernel::{Code, DeliveryId, Error, Refusal, Result, Timestamp, UserId, boxed, days, refuse};
use crate::msg;
use crate::notifications::decide::address::{code_digits, valid_address};
use crate::notifications::decide::link::same;
use crate::notifications::model::{
    AddressCode, BindTerminal, CODE_ATTEMPTS_MAX, CODE_JOB, CODE_TTL, CODE_WINDOW, CODES_MAX, Channel,
    CheckAddressCode, CodeCheck, Medium, NotificationEvent, Senders, Settings, Terminal, UnbindTerminal,
};
use crate::notifications::{queries, react, store};
use crate::people;
use crate::runtime::command::IdempotencyKey;
use crate::runtime::jobs::{self, Job, Next, Schedule, SendAttempt};
use crate::runtime::ports::{OutboundMessage, Outcome};
use crate::runtime::{Command, Ctx, Tx, Vault};
use crate::tickets;

/// How long issued codes are kept, to count them.
const KEPT: Duration = days(1);

/// The person whose addresses an input changes: the caller, or for administrators another user.
async fn subject(tx: &Tx, user: Option<UserId>) -> Result<UserId> {
    let me = tx.actor().user_id();
    match user {
        Some(user) if Some(user) != me => {
            tx.actor().require_admin()?;
            let found = people::queries::user(tx.conn(), user).await?;
            Ok(found.ok_or_else(|| refuse(Code::NotFound, "userId", msg!("user-not-found")))?.id)
        }
        _ => me.ok_or_else(Error::unauthenticated),
    }
}

impl Command for BindTerminal {
    const NAME: &'static str = "bindTerminal";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let Self { channel, address: given, primary, user } = self;
        let user = subject(tx, *user).await?;
        let address = valid_address(*channel, given)?;
        let bound = queries::terminals(tx.conn(), user).await?;
        let same_address = bound.iter().find(|terminal| terminal.channel == *channel && terminal.address == address);
        let proved_at = match same_address.and_then(|terminal| terminal.proved_at) {
            Some(at) => Some(at),
            None if is_proved_by(tx, *channel, &address, user).await? => Some(tx.now),
            None => None,
        };
        let on_channel = bound.iter().find(|terminal| terminal.channel == *channel);
        let was_primary = on_channel.map_or(bound.is_empty(), |terminal| terminal.primary);
        let primary_now = if proved_at.is_some() { *primary || bound.is_empty() } else { was_primary };
        let terminal = Terminal { user, channel: *channel, address, primary: primary_now, proved_at };
        if proved_at.is_some() {
            take_over(tx, &terminal).await?;
        } else {
            issue_code(tx, &terminal, *primary).await?;
        }
        // A proved address stays until the new one is proved.
        if proved_at.is_some() || on_channel.is_none_or(|terminal| terminal.proved_at.is_none()) {
            store::upsert_terminal(tx.conn(), terminal, tx.now).await?;
        }
        tx.record(NotificationEvent::TerminalChanged { user, channel: *channel }).await?;
        Ok(user)
    }
}

/// Whether binding alone proves the address: an administrator binds it, only the person's browser knows it, or it is the address
/// of the account, which an administrator gave.
async fn is_proved_by(tx: &Tx, channel: Channel, address: &str, user: UserId) -> Result<bool> {
    if tx.actor().require_admin().is_ok() || matches!(channel.medium(), Medium::Web | Medium::Push) {
        return Ok(true);
    }
    let account = people::queries::user(tx.conn(), user).await?;
    Ok(channel == Channel::Email && account.is_some_and(|account| account.email == address))
}

/// Takes the address from whoever else holds it.
async fn take_over(tx: &mut Tx, terminal: &Terminal) -> Result<()> {
    if terminal.address.is_empty() {
        return Ok(());
    }
    let Terminal { user, channel, address, .. } = terminal;
    if *channel == Channel::Email
        && let Some(contact) = people::queries::user_by_email(tx.conn(), address).await?
        && contact.is_contact
        && contact.id != *user
    {
        people::commands::release_contact_address(tx, contact.id).await?;
        tickets::commands::move_requests(tx, contact.id, *user).await?;
    }
    let Some(holder) = store::release_address(tx.conn(), *channel, address, *user).await? else { return Ok(()) };
    make_first_primary(tx, holder).await?;
    tx.record(NotificationEvent::TerminalChanged { user: holder, channel: *channel }).await?;
    if people::queries::user(tx.conn(), holder).await?.is_some_and(|holder| holder.is_contact) {
        // The contact turns out to be this person: their requests are too.
        return tickets::commands::move_requests(tx, holder, *user).await;
    }
    react::on_address_taken(tx, holder, *channel).await
}

/// Whoever has terminals has a primary one.
async fn make_first_primary(tx: &Tx, user: UserId) -> Result<()> {
    let rest = queries::terminals(tx.conn(), user).await?;
    match rest.first().filter(|first| !first.primary) {
        Some(first) => store::set_primary_terminal(tx.conn(), user, first.channel).await,
        None => Ok(()),
    }
}

async fn issue_code(tx: &mut Tx, terminal: &Terminal, make_primary: bool) -> Result<()> {
    let channel = terminal.channel;
    let sender = tx.app().state::<Senders>().of(channel).cloned();
    // A robot writes to a group, in which others read the code.
    if sender.is_none_or(|sender| sender.is_shared()) {
        return Err(refuse(Code::Invalid, "channel", msg!("notification-code-impossible")).into());
    }
    let (of_user, of_address) = store::codes_since(tx.conn(), terminal, tx.now - CODE_WINDOW).await?;
    if of_user >= CODES_MAX || of_address >= CODES_MAX {
        return Err(refuse(Code::LimitExceeded, "address", msg!("notification-codes-too-many", max = CODES_MAX)).into());
    }
    let code = AddressCode {
        id: tx.new_uuid(),
        user: terminal.user,
        channel,
        address: terminal.address.clone(),
        make_primary,
        issued_at: tx.now,
        attempts: 0,
        sent_at: None,
        failure: None,
    };
    store::insert_code(tx.conn(), &code).await?;
    let (subject, now) = (code.id.to_string(), tx.now);
    jobs::schedule(tx, &[Schedule::new(CODE_JOB, &subject, now).in_queue(channel.queue())]).await
}

/// Types in a code. A wrong one is counted, so the count is committed before the refusal.
#[boxed]
pub async fn confirm_address(cx: &Ctx, channel: Channel, code: String, key: IdempotencyKey<'_>) -> Result<UserId> {
    let user = cx.actor.user_id().ok_or_else(Error::unauthenticated)?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse(Code::Invalid, "code", msg!("notification-code-invalid")).into());
    }
    match cx.execute(&CheckAddressCode { channel, code }, key).await? {
        CodeCheck::Proved => Ok(user),
        CodeCheck::Wrong { left } => {
            Err(refuse(Code::Invalid, "code", msg!("notification-code-wrong", left = left)).into())
        }
        CodeCheck::NoCode => Err(no_code().into()),
    }
}

fn no_code() -> Refusal {
    refuse(Code::NotFound, "channel", msg!("notification-code-none"))
}

impl Command for CheckAddressCode {
    const NAME: &'static str = "confirmTerminal";
    type Output = CodeCheck;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CodeCheck> {
        let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        let bound = queries::terminals(tx.conn(), user).await?;
        let Some(terminal) = bound.into_iter().find(|terminal| terminal.channel == self.channel) else {
            return Ok(CodeCheck::NoCode);
        };
        let code = store::latest_code(tx.conn(), user, self.channel).await?;
        if terminal.proved_at.is_some() && code.as_ref().is_none_or(|code| code.address == terminal.address) {
            return Ok(CodeCheck::Proved);
        }
        let Some(code) = code.filter(|code| tx.now < code.expires_at() && code.attempts < CODE_ATTEMPTS_MAX) else {
            return Ok(CodeCheck::NoCode);
        };
        store::count_code_attempt(tx.conn(), code.id).await?;
        if !same(&code_digits(tx.app().state::<Vault>(), code.id), &self.code) {
            return Ok(CodeCheck::Wrong { left: CODE_ATTEMPTS_MAX - code.attempts - 1 });
        }
        let primary = terminal.primary || code.make_primary;
        let terminal = Terminal { address: code.address, primary, proved_at: Some(tx.now), ..terminal };
        take_over(tx, &terminal).await?;
        store::upsert_terminal(tx.conn(), terminal, tx.now).await?;
        tx.record(NotificationEvent::TerminalChanged { user, channel: self.channel }).await?;
        Ok(CodeCheck::Proved)
    }
}

async fn code_of(tx: &Tx, job: &Job) -> Result<Option<AddressCode>> {
    store::code(tx.conn(), job.subject.parse().map_err(Error::internal)?).await
}

/// Sends a code. It may arrive twice after a crash: it is the same code.
#[boxed]
pub async fn begin_code(tx: &mut Tx, job: &Job) -> Result<SendAttempt> {
    let code = code_of(tx, job).await?.filter(|code| tx.now < code.expires_at());
    let Some(code) = code else { return Ok(SendAttempt::Skip(Next::Done)) };
    let Some(sender) = tx.app().state::<Senders>().of(code.channel).cloned() else {
        return Ok(SendAttempt::Skip(Next::Done));
    };
    if let Some(at) = reserve(tx, sender.as_ref()).await? {
        return Ok(SendAttempt::Skip(Next::At(at)));
    }
    let preference = queries::preference(tx.conn(), code.user).await?;
    let locale = preference.language.unwrap_or(tx.app().state::<Settings>().locale());
    let digits = code_digits(tx.app().state::<Vault>(), code.id);
    let valid_for = CODE_TTL.as_secs() / 60;
    let message = OutboundMessage {
        id: DeliveryId(code.id),
        address: code.address,
        locale,
        title: msg!("notification-code-title", code = digits).text(locale),
        body: msg!("notification-code-body", minutes = valid_for).text(locale),
        url: None,
        cause: "ADDRESS_CODE",
        is_critical: false,
        number: None,
        thread: None,
    };
    Ok(SendAttempt::Send(sender.send(message, tx.now)))
}

#[boxed]
pub async fn complete_code(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let Some(code) = code_of(tx, job).await? else { return Ok(Next::Done) };
    let (sent_at, failure, again) = match outcome {
        Outcome::Sent { .. } | Outcome::Completed(_) => (Some(tx.now), None, None),
        Outcome::RetryLater { why, after } => (None, Some(why), Some(tx.now + after)),
        Outcome::Rejected { why } | Outcome::AuthFailed { why } | Outcome::Ambiguous { why } => (None, Some(why), None),
    };
    store::set_code_outcome(tx.conn(), code.id, sent_at, failure).await?;
    let again: Option<Timestamp> = again.filter(|at| *at < code.expires_at());
    Ok(again.map_or(Next::Done, Next::At))
}

/// Deletes codes that count no more; part of the sweep.
#[boxed]
pub async fn purge_codes(tx: &mut Tx) -> Result<()> {
    store::delete_codes_before(tx.conn(), tx.now - KEPT).await
}

impl Command for UnbindTerminal {
    const NAME: &'static str = "unbindTerminal";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let user = subject(tx, self.user).await?;
        if store::delete_terminal(tx.conn(), user, self.channel).await? {
            make_first_primary(tx, user).await?;
            tx.record(NotificationEvent::TerminalChanged { user, channel: self.channel }).await?;
        }
        Ok(user)
    }
}
