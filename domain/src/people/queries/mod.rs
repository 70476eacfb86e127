//! Reads of users and customers, and authentication of tokens.

pub mod availability;

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _, Func};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::auth;
use crate::auth::model::{API_KEY_USE_EVERY, TokenScope, is_api_key};
use crate::kernel::page::{Key, Part};
use crate::kernel::text::{self, has_no_control_chars};
use crate::kernel::{
    Actor, Connection, CustomerId, Direction, Error, KeyAccess, Page, Person, Result, Role, SessionId, TeamId,
    Timestamp, UserId, boxed,
};
use crate::people::model::{Customer, User, UserCache};
use crate::people::store::{
    customer, roles_from_column, roles_to_column, user, user_product, user_team, with_memberships,
};
use crate::runtime::{App, Ctx, Executor};

/// The result of a successful authentication.
pub struct Authentication {
    pub person: Arc<Person>,
    pub scope: TokenScope,
    pub expires_at: Option<Timestamp>,
}

/// Authenticates an access token or an API key.
#[boxed]
pub async fn authenticate(app: &Arc<App>, token: &str) -> Result<Authentication> {
    if is_api_key(token) {
        return authenticate_api_key(app, token).await;
    }
    let access = auth::queries::verify(app, token).ok_or_else(Error::unauthenticated)?;
    let load = async |sessions: Vec<SessionId>| {
        if !auth::queries::is_active(app, &access).await? {
            return Err(Error::unauthenticated());
        }
        let mut person = person(app, access.user).await?.ok_or_else(Error::unauthenticated)?;
        person.session = Some(access.session);
        let person = Arc::new(person);
        Ok(sessions.into_iter().map(|session| (session, person.clone())).collect())
    };
    let mut found = app.state::<UserCache>().by_session.get_or_load(vec![access.session], load).await?;
    let person = found.remove(&access.session).ok_or_else(Error::unauthenticated)?;
    Ok(Authentication { person, scope: access.scope, expires_at: Some(access.expires_at) })
}

async fn authenticate_api_key(app: &Arc<App>, token: &str) -> Result<Authentication> {
    let key = auth::queries::find_api_key(app, token).await?.ok_or_else(Error::unauthenticated)?;
    if key.last_used_at.is_none_or(|at| at + API_KEY_USE_EVERY <= app.now())
        && let Err(error) = auth::commands::record_api_key_use(&Ctx::system(app), key.id).await
    {
        // The authentication succeeds nevertheless.
        tracing::warn!(%error, "the last use of a key could not be noted");
    }
    let mut person = person(app, key.user).await?.ok_or_else(Error::unauthenticated)?;
    person.api_key = Some(KeyAccess { key: key.id, scopes: key.scopes });
    Ok(Authentication { person: Arc::new(person), scope: TokenScope::Full, expires_at: key.expires_at })
}

/// Whether a credential that was authenticated still gives access; for long-lived connections.
#[boxed]
pub async fn has_access(app: &App, person: &Person) -> Result<bool> {
    let is_active = match (&person.api_key, person.session) {
        (Some(access), _) => auth::queries::is_api_key_active(app, access.key).await?,
        (None, Some(session)) => auth::queries::is_session_active(app, session).await?,
        (None, None) => true,
    };
    let user = user::Entity::find_by_id(person.id).filter(user::Column::DisabledAt.is_null());
    Ok(is_active && user.one(app.db.read()).await?.is_some())
}

/// A user with everything that decides about rights; `None` if unknown or disabled.
#[boxed]
pub async fn person(app: &App, id: UserId) -> Result<Option<Person>> {
    let conn = app.db.read();
    let Some(row) = user::Entity::find_by_id(id).one(conn).await?.filter(|row| row.disabled_at.is_none()) else {
        return Ok(None);
    };
    let roles = roles_from_column(&row.roles);
    let teams = teams_of(conn, vec![id]).await?;
    let mut supervised = Vec::new();
    let mut supervised_teams = Vec::new();
    if roles.contains(&Role::Supervisor) {
        supervised = user::Entity::find()
            .select_only()
            .column(user::Column::Id)
            .filter(user::Column::SupervisorId.eq(id))
            .order_by_asc(user::Column::Id)
            .into_tuple::<UserId>()
            .all(conn)
            .await?;
        supervised_teams = teams_of(conn, supervised.clone()).await?;
        supervised_teams.extend(&teams);
        supervised_teams.sort_unstable();
        supervised_teams.dedup();
    }
    let products = if roles.contains(&Role::ProductManager) {
        user_product::Entity::find()
            .select_only()
            .column(user_product::Column::Product)
            .filter(user_product::Column::UserId.eq(id))
            .order_by_asc(user_product::Column::Product)
            .into_tuple()
            .all(conn)
            .await?
    } else {
        Vec::new()
    };
    Ok(Some(Person {
        id,
        roles,
        teams,
        supervised_teams,
        supervised,
        customer: row.customer_id,
        products,
        session: None,
        api_key: None,
    }))
}

async fn teams_of(conn: &Executor, users: Vec<UserId>) -> Result<Vec<TeamId>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    Ok(user_team::Entity::find()
        .select_only()
        .distinct()
        .column(user_team::Column::TeamId)
        .filter(user_team::Column::UserId.is_in(users))
        .order_by_asc(user_team::Column::TeamId)
        .into_tuple::<TeamId>()
        .all(conn)
        .await?)
}

#[boxed]
pub async fn users(conn: &Executor, ids: Vec<UserId>) -> Result<Vec<User>> {
    let rows = user::Entity::find().filter(user::Column::Id.is_in(ids)).all(conn).await?;
    with_memberships(conn, rows).await
}

/// Users by id, from the cache where possible.
#[boxed]
pub async fn cached_users(app: &App, ids: Vec<UserId>) -> Result<HashMap<UserId, Arc<User>>> {
    let load = async |missing| {
        let users = users(app.db.read(), missing).await?;
        Ok(users.into_iter().map(|user| (user.id, Arc::new(user))).collect())
    };
    app.state::<UserCache>().users.get_or_load(ids, load).await
}

#[boxed]
pub async fn user(conn: &Executor, id: UserId) -> Result<Option<User>> {
    Ok(users(conn, vec![id]).await?.pop())
}

#[boxed]
pub async fn user_by_email(conn: &Executor, email: &str) -> Result<Option<User>> {
    if !has_no_control_chars(email) {
        return Ok(None);
    }
    let row = user::Entity::find().filter(user::Column::Email.eq(email.trim().to_lowercase())).one(conn).await?;
    Ok(with_memberships(conn, row.into_iter().collect()).await?.pop())
}

#[boxed]
pub async fn has_users(conn: &Executor) -> Result<bool> {
    Ok(user::Entity::find().select_only().column(user::Column::Id).into_tuple::<UserId>().one(conn).await?.is_some())
}

/// Whether there is an enabled administrator.
#[boxed]
pub async fn has_administrator(conn: &Executor) -> Result<bool> {
    let enabled = user::Entity::find().filter(user::Column::DisabledAt.is_null());
    let named = enabled.filter(user::Column::Roles.contains(Role::Admin.as_str())).one(conn).await?;
    Ok(named.is_some())
}

#[boxed]
pub async fn customers(conn: &Executor, ids: Vec<CustomerId>) -> Result<Vec<Customer>> {
    let rows = customer::Entity::find().filter(customer::Column::Id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

pub async fn customer_by_key(conn: &Executor, key: &str) -> Result<Option<Customer>> {
    if !has_no_control_chars(key) {
        return Ok(None);
    }
    Ok(customer::Entity::find().filter(customer::Column::Key.eq(key)).one(conn).await?.map(Into::into))
}

/// The product managers of these products.
#[boxed]
pub async fn owners(conn: &Executor, products: Vec<String>) -> Result<Vec<(String, UserId)>> {
    Ok(user_product::Entity::find()
        .select_only()
        .columns([user_product::Column::Product, user_product::Column::UserId])
        .filter(user_product::Column::Product.is_in(products))
        .order_by_asc(user_product::Column::UserId)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Which users an actor may see: staff see everyone, others see themselves, their organisation and the staff.
pub fn may_see(actor: &Actor, user: &User) -> bool {
    let Some(person) = actor.person() else { return false };
    person.is_staff()
        || person.is(Role::ProductManager)
        || person.id == user.id
        || user.is_staff()
        || (user.customer.is_some() && user.customer == person.customer)
}

fn name_has(column: impl sea_orm::sea_query::IntoColumnRef, text: &str) -> sea_orm::sea_query::SimpleExpr {
    let pattern: String = text.chars().filter(|c| !c.is_control()).collect();
    let pattern = pattern.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    let like = sea_orm::sea_query::LikeExpr::new(format!("%{pattern}%")).escape('!');
    Expr::expr(Func::lower(Expr::col(column))).like(like)
}

/// Users by name, for staff who choose an assignee or a requester.
#[boxed]
pub async fn list_users(cx: &Ctx, team: Option<TeamId>, text: Option<&str>, page: &Page) -> Result<Connection<User>> {
    if !cx.actor.is_staff() {
        return Err(Error::forbidden());
    }
    let list = "users";
    let keys = [
        Key::text(Expr::col(user::Column::Name), Direction::Asc),
        Key::id(Expr::col(user::Column::Id), Direction::Asc),
    ];
    let keyset = page.keyset(list, &keys)?;
    let mut select =
        user::Entity::find().filter(keyset.cond).filter(user::Column::DisabledAt.is_null()).limit(keyset.limit);
    // Accounts of systems cannot be chosen.
    select = select.filter(user::Column::Roles.ne(roles_to_column(&[Role::Partner])));
    if let Some(team) = team {
        let mut members = sea_orm::sea_query::Query::select();
        members.column(user_team::Column::UserId).from(user_team::Entity).and_where(user_team::Column::TeamId.eq(team));
        select = select.filter(user::Column::Id.in_subquery(members));
    }
    if let Some(text) = text::search("text", text)? {
        select = select
            .filter(Condition::any().add(name_has(user::Column::Name, text)).add(name_has(user::Column::Email, text)));
    }
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows = with_memberships(cx.read(), select.all(cx.read()).await?).await?;
    Ok(page.connection(list, rows, |user| vec![Part::Text(user.name.clone()), Part::Id(user.id.0)]))
}

/// Customers by name: staff see all, others only their own.
#[boxed]
pub async fn list_customers(cx: &Ctx, text: Option<&str>, page: &Page) -> Result<Connection<Customer>> {
    let person = cx.actor.person().ok_or_else(Error::unauthenticated)?;
    let list = "customers";
    let keys = [
        Key::text(Expr::col(customer::Column::Name), Direction::Asc),
        Key::id(Expr::col(customer::Column::Id), Direction::Asc),
    ];
    let keyset = page.keyset(list, &keys)?;
    let mut select = customer::Entity::find().filter(keyset.cond).limit(keyset.limit);
    if !person.is_staff() {
        select = match person.customer {
            Some(own) => select.filter(customer::Column::Id.eq(own)),
            None => return Ok(Connection::empty()),
        };
    }
    if let Some(text) = text::search("text", text)? {
        select = select.filter(
            Condition::any().add(name_has(customer::Column::Name, text)).add(name_has(customer::Column::Key, text)),
        );
    }
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows: Vec<Customer> = select.all(cx.read()).await?.into_iter().map(Into::into).collect();
    Ok(page.connection(list, rows, |row| vec![Part::Text(row.name.clone()), Part::Id(row.id.0)]))
}
