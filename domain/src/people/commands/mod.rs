//! Creating and changing people, teams and customers; signing in and out.

mod duty;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::auth::commands as auth;
use crate::auth::model::{EndReason, Tokens};
use crate::catalogue;
use crate::event::Event;
use crate::kernel::text::{KEY_CHARS_MAX, NAME_CHARS_MAX, REDACTED, email, key, line};
use crate::kernel::{Code, CustomerId, Error, Person, Refusal, Result, UserId, refuse};
use crate::people::model::{
    CAPACITY_DEFAULT, CreateUser, LEVEL_DEFAULT, PeopleEvent, RedactUser, SaveCustomer, SetPassword, UpdateUser, User,
};
use crate::people::queries;
use crate::people::store::{customer, user, user_product, user_skill, user_team, words_of};
use crate::runtime::{Command, Ctx, Tx};

impl Command for CreateUser {
    const NAME: &'static str = "createUser";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        tx.actor().require_admin()?;
        let email = email("email", &self.email)?;
        let name = line("name", &self.name, NAME_CHARS_MAX)?;
        if self.roles.is_empty() {
            return Err(refuse(Code::Required, "roles", "Give at least one role.", "请至少指定一个角色。").into());
        }
        if queries::user_by_email(tx.conn(), &email).await?.is_some() {
            return Err(refuse(
                Code::AlreadyExists,
                "email",
                format!("{email} has an account already."),
                format!("{email} 已有账号。"),
            )
            .into());
        }
        if let Some(supervisor) = self.supervisor
            && user::Entity::find_by_id(supervisor).one(tx.conn()).await?.is_none()
        {
            return Err(user_not_found("supervisorId").into());
        }
        let id = UserId(tx.new_uuid());
        let customer = match &self.customer_key {
            None => None,
            Some(key) => Some(customer_id(tx.conn(), "customerKey", key).await?),
        };
        let row = user::ActiveModel {
            id: Set(id),
            email: Set(email),
            name: Set(name),
            roles: Set(words_of(&self.roles)),
            customer_id: Set(customer),
            supervisor_id: Set(self.supervisor),
            created_at: Set(tx.now),
            disabled_at: Set(None),
            capacity: Set(CAPACITY_DEFAULT),
            calendar_key: Set(None),
        };
        user::Entity::insert(row).exec_without_returning(tx.conn()).await?;
        set_teams(tx, id, &self.team_keys).await?;
        set_skills(tx, id, &self.skills).await?;
        set_products(tx, id, &self.products).await?;
        let roles = self.roles.clone();
        tx.record(Event::People(PeopleEvent::UserCreated { user: id, roles })).await?;
        if let Some(hash) = &self.password_hash {
            auth::set_password(tx, id, hash.clone()).await?;
        }
        Ok(id)
    }
}

impl Command for UpdateUser {
    const NAME: &'static str = "updateUser";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        tx.actor().require_admin()?;
        let Self { user: id, name, roles, team_keys, skills, products, customer_key, supervisor, disabled } = self;
        let id = id.ok_or_else(|| refuse(Code::Required, "userId", "Say which user.", "请指定用户。"))?;
        let row = user::Entity::find_by_id(id).one(tx.conn()).await?.ok_or_else(|| user_not_found("userId"))?;
        let mut fields = Vec::new();
        let mut change: user::ActiveModel = row.into();
        if let Some(name) = name {
            change.name = Set(line("name", name, NAME_CHARS_MAX)?);
            fields.push("name".to_owned());
        }
        if let Some(roles) = roles {
            if roles.is_empty() {
                return Err(refuse(Code::Required, "roles", "Give at least one role.", "请至少指定一个角色。").into());
            }
            change.roles = Set(words_of(roles));
            fields.push("roles".to_owned());
        }
        if let Some(supervisor) = supervisor {
            if *supervisor == id || user::Entity::find_by_id(*supervisor).one(tx.conn()).await?.is_none() {
                return Err(user_not_found("supervisorId").into());
            }
            change.supervisor_id = Set(Some(*supervisor));
            fields.push("supervisor".to_owned());
        }
        if let Some(key) = customer_key {
            change.customer_id = Set(Some(customer_id(tx.conn(), "customerKey", key).await?));
            fields.push("customer".to_owned());
        }
        if let Some(disabled) = disabled {
            change.disabled_at = Set(disabled.then_some(tx.now));
            fields.push("disabled".to_owned());
            if *disabled {
                auth::end_sessions(tx, id, EndReason::Disabled).await?;
            }
        }
        if change.is_changed() {
            change.update(tx.conn()).await?;
        }
        if let Some(keys) = team_keys {
            set_teams(tx, id, keys).await?;
            fields.push("teams".to_owned());
        }
        if let Some(skills) = skills {
            set_skills(tx, id, skills).await?;
            fields.push("skills".to_owned());
        }
        if let Some(products) = products {
            set_products(tx, id, products).await?;
            fields.push("products".to_owned());
        }
        tx.record(Event::People(PeopleEvent::UserChanged { user: id, fields })).await?;
        Ok(id)
    }
}

impl Command for SetPassword {
    const NAME: &'static str = "setPassword";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        tx.actor().require_admin()?;
        let Self { user: id, password_hash } = self;
        if user::Entity::find_by_id(*id).one(tx.conn()).await?.is_none() {
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

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        tx.actor().require_admin()?;
        let id = self.user;
        if tx.actor().user_id() == Some(id) {
            let en = "You cannot redact yourself: another administrator can.";
            return Err(refuse(Code::Invalid, "userId", en, "不能隐去自己的账号，请由其他管理员操作。").into());
        }
        let row = user::Entity::find_by_id(id).one(tx.conn()).await?.ok_or_else(|| user_not_found("userId"))?;
        let mut change: user::ActiveModel = row.into();
        change.name = Set(REDACTED.to_owned());
        change.email = Set(format!("{id}@redacted.invalid"));
        change.disabled_at = Set(Some(tx.now));
        change.update(tx.conn()).await?;
        auth::forget_password(tx, id).await?;
        auth::end_sessions(tx, id, EndReason::Disabled).await?;
        tx.record(Event::People(PeopleEvent::UserRedacted { user: id })).await?;
        Ok(id)
    }
}

fn user_not_found(field: &str) -> Refusal {
    refuse(Code::NotFound, field, "There is no such user.", "用户不存在。")
}

async fn set_teams(tx: &Tx, user: UserId, keys: &[String]) -> Result<()> {
    let mut rows = Vec::new();
    for key in keys {
        let team = catalogue::queries::require_team(tx.conn(), "teamKeys", key).await?.id;
        if rows.iter().all(|row: &user_team::ActiveModel| row.team_id != Set(team)) {
            let position = i32::try_from(rows.len()).unwrap_or(i32::MAX);
            rows.push(user_team::ActiveModel { user_id: Set(user), team_id: Set(team), position: Set(position) });
        }
    }
    user_team::Entity::delete_many().filter(user_team::Column::UserId.eq(user)).exec(tx.conn()).await?;
    if !rows.is_empty() {
        user_team::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    }
    Ok(())
}

async fn set_skills(tx: &Tx, user: UserId, skills: &[String]) -> Result<()> {
    let known = catalogue::queries::check_keys(tx, catalogue::model::Kind::Skill, "skills", skills).await?;
    let kept = user_skill::Entity::find().filter(user_skill::Column::UserId.eq(user)).all(tx.conn()).await?;
    user_skill::Entity::delete_many().filter(user_skill::Column::UserId.eq(user)).exec(tx.conn()).await?;
    let rows: Vec<_> = known
        .into_iter()
        .map(|skill| {
            let level = kept.iter().find(|row| row.skill == skill).map_or(LEVEL_DEFAULT, |row| row.level);
            user_skill::ActiveModel { user_id: Set(user), skill: Set(skill), level: Set(level) }
        })
        .collect();
    if !rows.is_empty() {
        user_skill::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    }
    Ok(())
}

async fn set_products(tx: &Tx, user: UserId, products: &[String]) -> Result<()> {
    let known = catalogue::queries::check_keys(tx, catalogue::model::Kind::Product, "products", products).await?;
    user_product::Entity::delete_many().filter(user_product::Column::UserId.eq(user)).exec(tx.conn()).await?;
    let rows: Vec<_> = known
        .into_iter()
        .map(|product| user_product::ActiveModel { user_id: Set(user), product: Set(product) })
        .collect();
    if !rows.is_empty() {
        user_product::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    }
    Ok(())
}

/// The customer of a key in an input.
pub async fn customer_id(conn: &impl ConnectionTrait, field: &str, key: &str) -> Result<CustomerId> {
    match queries::customer_by_key(conn, key).await?.filter(|customer| !customer.archived) {
        Some(customer) => Ok(customer.id),
        None => Err(catalogue::queries::unknown_key(field, key).into()),
    }
}

impl Command for SaveCustomer {
    const NAME: &'static str = "saveCustomer";
    type Output = CustomerId;

    async fn run(&self, tx: &mut Tx) -> Result<CustomerId> {
        tx.actor().require_admin()?;
        let Self { key: given, name, region, archived } = self;
        let key = key("key", given)?;
        let before = queries::customer_by_key(tx.conn(), &key).await?;
        let id = before.map_or_else(|| CustomerId(tx.new_uuid()), |customer| customer.id);
        let row = customer::ActiveModel {
            id: Set(id),
            key: Set(key.clone()),
            name: Set(line("name", name, NAME_CHARS_MAX)?),
            region: Set(region.as_deref().map(|region| line("region", region, KEY_CHARS_MAX)).transpose()?),
            archived: Set(*archived),
        };
        let mut replace = OnConflict::column(customer::Column::Key);
        replace.update_columns([customer::Column::Name, customer::Column::Region, customer::Column::Archived]);
        customer::Entity::insert(row).on_conflict(replace).exec_without_returning(tx.conn()).await?;
        tx.record(Event::People(PeopleEvent::CustomerSaved { customer: id, key })).await?;
        Ok(id)
    }
}

/// Signs somebody in. `address`: where the attempt comes from, for the limit.
pub async fn sign_in(cx: &Ctx, email: &str, password: &str, address: Option<&str>) -> Result<(Tokens, User)> {
    let account = email.trim().to_lowercase();
    auth::count_attempt(cx, &account, address).await?;
    let user = queries::user_by_email(cx.read(), &account).await?.filter(|user| user.disabled_at.is_none());
    let right = auth::verify_password(cx, user.as_ref().map(|user| user.id), password).await?;
    let Some(user) = user.filter(|_| right) else {
        return Err(
            refuse(Code::SignInFailed, "password", "E-mail address or password is wrong.", "邮箱或密码错误。").into()
        );
    };
    let mut tx = cx.begin().await?;
    auth::forgive(&tx, &account, address).await?;
    let tokens = auth::open_session(&mut tx, user.id).await?;
    tx.commit().await?;
    Ok((tokens, user))
}

/// New tokens for a session that goes on.
pub async fn refresh_session(cx: &Ctx, token: &str) -> Result<(Tokens, User)> {
    let mut tx = cx.begin().await?;
    let refreshed = auth::refresh_session(&mut tx, token).await?;
    let user = match &refreshed {
        auth::Refreshed::Open(_, id) => queries::user(tx.conn(), *id).await?.filter(|user| user.disabled_at.is_none()),
        auth::Refreshed::Over => None,
    };
    tx.commit().await?;
    match (refreshed, user) {
        (auth::Refreshed::Open(tokens, _), Some(user)) => Ok((tokens, user)),
        _ => Err(refuse(
            Code::SignInFailed,
            "refreshToken",
            "This session is over: sign in again.",
            "会话已结束，请重新登录。",
        )
        .into()),
    }
}

fn signed_in(cx: &Ctx) -> Result<&Person> {
    cx.actor.person().ok_or_else(Error::unauthenticated)
}

pub async fn sign_out(cx: &Ctx) -> Result<()> {
    let person = signed_in(cx)?;
    let Some(session) = person.session else { return Ok(()) };
    let mut tx = cx.begin().await?;
    auth::end_session(&mut tx, session, person.id, EndReason::SignedOut).await?;
    tx.commit().await
}

/// Ends every session of the person, this one too.
pub async fn change_password(cx: &Ctx, current: &str, new: &str) -> Result<()> {
    let person = signed_in(cx)?;
    auth::check_password("newPassword", new)?;
    let account = format!("password-change:{}", person.id);
    auth::count_attempt(cx, &account, None).await?;
    if !auth::verify_password(cx, Some(person.id), current).await? {
        return Err(
            refuse(Code::SignInFailed, "currentPassword", "The current password is wrong.", "当前密码错误。").into()
        );
    }
    let hash = auth::hash_password(cx, new).await?;
    let mut tx = cx.begin().await?;
    auth::forgive(&tx, &account, None).await?;
    auth::set_password(&mut tx, person.id, hash).await?;
    auth::end_sessions(&mut tx, person.id, EndReason::PasswordChanged).await?;
    tx.commit().await
}
