//! Creates and changes users and customers; signs in and out.

mod availability;
mod contacts;
mod known_passwords;

pub use self::contacts::{create_contact, release_contact_address};
pub use self::known_passwords::{
    KnownPasswordAccounts, find_known_passwords, lock_known_passwords, unlock_known_passwords,
};
use crate::auth::commands as auth;
use crate::auth::model::{EndReason, Tokens};
use crate::catalogue;
use crate::catalogue::model::Kind;
use crate::catalogue::queries::check_keys;
use crate::kernel::text::{KEY_CHARS_MAX, NAME_CHARS_MAX, REDACTED, email, key, line};
use crate::kernel::{Code, CustomerId, Error, Person, Refusal, Result, TeamId, UserId, boxed, refuse};
use crate::msg;
use crate::people::model::{
    CreateUser, Customer, LEVEL_DEFAULT, PeopleEvent, RedactUser, SaveCustomer, SetPassword, SkillLevel, UpdateUser,
    User,
};
use crate::people::queries;
use crate::people::store::{self, UserChange};
use crate::runtime::{Command, Ctx, Executor, Tx};

impl Command for CreateUser {
    const NAME: &'static str = "createUser";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        tx.actor().require_admin()?;
        let email = email("email", &self.email)?;
        let name = line("name", &self.name, NAME_CHARS_MAX)?;
        if self.roles.is_empty() {
            return Err(refuse(Code::Required, "roles", msg!("people-role-required")).into());
        }
        let known = queries::user_by_email(tx.conn(), &email).await?;
        if known.as_ref().is_some_and(|user| !user.is_contact) {
            return Err(refuse(Code::AlreadyExists, "email", msg!("people-account-exists", email = email)).into());
        }
        if let Some(supervisor) = self.supervisor
            && !store::user_exists(tx.conn(), supervisor).await?
        {
            return Err(user_not_found("supervisorId").into());
        }
        let id = UserId(tx.new_uuid());
        let customer = match &self.customer_key {
            None => None,
            Some(key) => Some(customer_id(tx.conn(), "customerKey", key).await?),
        };
        let user = User {
            id,
            email,
            name,
            roles: self.roles.clone(),
            teams: team_ids(tx, &self.team_keys).await?,
            skills: check_keys(tx, Kind::Skill, "skills", &self.skills).await?,
            products: check_keys(tx, Kind::Product, "products", &self.products).await?,
            customer,
            supervisor: self.supervisor,
            disabled_at: None,
            is_contact: false,
        };
        let id = match known {
            Some(contact) => contacts::promote_contact(tx, &contact, self, user).await?,
            None => {
                store::insert_user(tx.conn(), user, tx.now).await?;
                tx.record(PeopleEvent::UserCreated { user: id, roles: self.roles.clone() }).await?;
                id
            }
        };
        if let Some(hash) = &self.password_hash {
            auth::set_password(tx, id, hash.clone()).await?;
        }
        Ok(id)
    }
}

impl Command for UpdateUser {
    const NAME: &'static str = "updateUser";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        tx.actor().require_admin()?;
        let Self { user: id, name, roles, team_keys, skills, products, customer_key, supervisor, disabled } = self;
        let id = id.ok_or_else(|| refuse(Code::Required, "userId", msg!("people-user-unspecified")))?;
        if !store::user_exists(tx.conn(), id).await? {
            return Err(user_not_found("userId").into());
        }
        let mut fields = Vec::new();
        let mut change = UserChange::default();
        if let Some(name) = name {
            change.name = Some(line("name", name, NAME_CHARS_MAX)?);
            fields.push("name".to_owned());
        }
        if let Some(roles) = roles {
            if roles.is_empty() {
                return Err(refuse(Code::Required, "roles", msg!("people-role-required")).into());
            }
            change.roles = Some(roles.clone());
            fields.push("roles".to_owned());
        }
        if let Some(supervisor) = supervisor {
            if *supervisor == id || !store::user_exists(tx.conn(), *supervisor).await? {
                return Err(user_not_found("supervisorId").into());
            }
            change.supervisor = Some(*supervisor);
            fields.push("supervisor".to_owned());
        }
        if let Some(key) = customer_key {
            change.customer = Some(customer_id(tx.conn(), "customerKey", key).await?);
            fields.push("customer".to_owned());
        }
        if let Some(disabled) = disabled {
            change.disabled_at = Some(disabled.then_some(tx.now));
            fields.push("disabled".to_owned());
            if *disabled {
                auth::end_sessions(tx, id, EndReason::Disabled).await?;
            }
        }
        store::update_user(tx.conn(), id, change).await?;
        if let Some(keys) = team_keys {
            store::replace_teams(tx.conn(), id, &team_ids(tx, keys).await?).await?;
            fields.push("teams".to_owned());
        }
        if let Some(skills) = skills {
            set_skills(tx, id, skills).await?;
            fields.push("skills".to_owned());
        }
        if let Some(products) = products {
            let known = check_keys(tx, Kind::Product, "products", products).await?;
            store::replace_products(tx.conn(), id, known).await?;
            fields.push("products".to_owned());
        }
        tx.record(PeopleEvent::UserChanged { user: id, fields }).await?;
        Ok(id)
    }
}

impl Command for SetPassword {
    const NAME: &'static str = "setPassword";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        tx.actor().require_admin()?;
        let Self { user: id, password_hash } = self;
        if !store::user_exists(tx.conn(), *id).await? {
            return Err(user_not_found("userId").into());
        }
        auth::set_password(tx, *id, password_hash.clone()).await?;
        auth::end_sessions(tx, *id, EndReason::PasswordChanged).await?;
        Ok(*id)
    }
}

impl Command for RedactUser {
    const NAME: &'static str = "redactUser";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        tx.actor().require_admin()?;
        let id = self.user;
        if tx.actor().user_id() == Some(id) {
            return Err(refuse(Code::Invalid, "userId", msg!("people-redact-self-forbidden")).into());
        }
        if !store::user_exists(tx.conn(), id).await? {
            return Err(user_not_found("userId").into());
        }
        let change = UserChange {
            name: Some(REDACTED.clone()),
            email: Some(format!("{id}@redacted.invalid")),
            disabled_at: Some(Some(tx.now)),
            ..UserChange::default()
        };
        store::update_user(tx.conn(), id, change).await?;
        auth::delete_password(tx, id).await?;
        auth::end_sessions(tx, id, EndReason::Disabled).await?;
        tx.record(PeopleEvent::UserRedacted { user: id }).await?;
        Ok(id)
    }
}

fn user_not_found(field: &str) -> Refusal {
    refuse(Code::NotFound, field, msg!("user-not-found"))
}

/// The teams with these keys, each once.
async fn team_ids(tx: &Tx, keys: &[String]) -> Result<Vec<TeamId>> {
    let mut teams = Vec::new();
    for key in keys {
        let team = catalogue::queries::require_team(tx.conn(), "teamKeys", key).await?.id;
        if !teams.contains(&team) {
            teams.push(team);
        }
    }
    Ok(teams)
}

/// Replaces the skills of a user. Those that they have already keep their level.
async fn set_skills(tx: &Tx, user: UserId, skills: &[String]) -> Result<()> {
    let known = check_keys(tx, Kind::Skill, "skills", skills).await?;
    let before = store::skills_of(tx.conn(), user).await?;
    let skills = known.into_iter().map(|skill| {
        let level = before.iter().find(|before| before.skill == skill).map_or(LEVEL_DEFAULT, |before| before.level);
        SkillLevel { skill, level }
    });
    store::replace_skills(tx.conn(), user, skills.collect()).await
}

/// The active customer with a key from an input.
pub async fn customer_id(conn: &Executor, field: &str, key: &str) -> Result<CustomerId> {
    match queries::customer_by_key(conn, key).await?.filter(|customer| !customer.archived) {
        Some(customer) => Ok(customer.id),
        None => Err(catalogue::queries::unknown_key(field, key).into()),
    }
}

impl Command for SaveCustomer {
    const NAME: &'static str = "saveCustomer";
    type Output = CustomerId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CustomerId> {
        tx.actor().require_admin()?;
        let Self { key: given, name, region, archived } = self;
        let key = key("key", given)?;
        let before = queries::customer_by_key(tx.conn(), &key).await?;
        let id = before.as_ref().map_or_else(|| CustomerId(tx.new_uuid()), |customer| customer.id);
        let customer = Customer {
            id,
            key: key.clone(),
            name: line("name", name, NAME_CHARS_MAX)?,
            region: region.as_deref().map(|region| line("region", region, KEY_CHARS_MAX)).transpose()?,
            archived: *archived,
        };
        let renamed = before.is_some_and(|before| before.name != customer.name);
        store::upsert_customer(tx.conn(), customer).await?;
        tx.record(PeopleEvent::CustomerSaved { customer: id, key, renamed }).await?;
        Ok(id)
    }
}

/// Signs a user in. `address`: the client's address, for the rate limit.
#[boxed]
pub async fn sign_in(cx: &Ctx, email: &str, password: &str, address: Option<&str>) -> Result<(Tokens, User)> {
    let account = email.trim().to_lowercase();
    let attempt = auth::count_sign_in_attempt(cx, &account, address).await?;
    let user = queries::user_by_email(cx.read(), &account).await?.filter(|user| user.disabled_at.is_none());
    let is_correct = auth::verify_password(cx, user.as_ref().map(|user| user.id), password).await?;
    let Some(user) = user.filter(|_| is_correct) else {
        return Err(refuse(Code::SignInFailed, "password", msg!("people-sign-in-failed")).into());
    };
    let mut tx = cx.begin().await?;
    auth::clear_sign_in_failures(&tx, &attempt).await?;
    let tokens = auth::open_session(&mut tx, user.id).await?;
    tx.commit().await?;
    Ok((tokens, user))
}

/// Attempts to refresh a session whose token is used concurrently.
const REFRESH_ATTEMPTS_MAX: u32 = 3;

/// Issues new tokens for an open session.
#[boxed]
pub async fn refresh_session(cx: &Ctx, token: &str) -> Result<(Tokens, User)> {
    for attempt in 1.. {
        match try_refresh_session(cx, token).await {
            Err(Error::Conflict | Error::Deadlock) if attempt < REFRESH_ATTEMPTS_MAX => {}
            refreshed => return refreshed,
        }
    }
    unreachable!("the loop returns")
}

async fn try_refresh_session(cx: &Ctx, token: &str) -> Result<(Tokens, User)> {
    let mut tx = cx.begin().await?;
    let refreshed = auth::refresh_session(&mut tx, token).await?;
    let user = match &refreshed {
        auth::RefreshOutcome::Renewed(_, id) => {
            queries::user(tx.conn(), *id).await?.filter(|user| user.disabled_at.is_none())
        }
        auth::RefreshOutcome::Rejected => None,
    };
    tx.commit().await?;
    match (refreshed, user) {
        (auth::RefreshOutcome::Renewed(tokens, _), Some(user)) => Ok((tokens, user)),
        _ => Err(refuse(Code::SignInFailed, "refreshToken", msg!("people-session-over")).into()),
    }
}

fn signed_in(cx: &Ctx) -> Result<&Person> {
    cx.actor.person().ok_or_else(Error::unauthenticated)
}

#[boxed]
pub async fn sign_out(cx: &Ctx) -> Result<()> {
    let person = signed_in(cx)?;
    let Some(session) = person.session else { return Ok(()) };
    let mut tx = cx.begin().await?;
    auth::end_session(&mut tx, session, person.id, EndReason::SignedOut).await?;
    tx.commit().await
}

/// Changes the password and ends every session of the user, including this one.
#[boxed]
pub async fn change_password(cx: &Ctx, current: &str, new: &str) -> Result<()> {
    let person = signed_in(cx)?;
    auth::check_password("newPassword", new)?;
    let account = format!("password-change:{}", person.id);
    let attempt = auth::count_sign_in_attempt(cx, &account, None).await?;
    if !auth::verify_password(cx, Some(person.id), current).await? {
        return Err(refuse(Code::SignInFailed, "currentPassword", msg!("people-password-wrong")).into());
    }
    let hash = auth::hash_password(cx, new).await?;
    let mut tx = cx.begin().await?;
    auth::clear_sign_in_failures(&tx, &attempt).await?;
    auth::set_password(&mut tx, person.id, hash).await?;
    auth::end_sessions(&mut tx, person.id, EndReason::PasswordChanged).await?;
    tx.commit().await
}
