//! Reads of people, by ids in one statement, and from a token to the person with all their rights.

pub mod duty;

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _, Func};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::auth;
use crate::auth::model::{API_KEY_USE_EVERY, TokenScope, is_api_key};
use crate::kernel::page::{Key, Part};
use crate::kernel::text::can_name;
use crate::kernel::{
    Actor, Connection, CustomerId, Direction, Error, KeyAccess, Page, Person, Result, Role, SessionId, TeamId,
    Timestamp, UserId,
};
use crate::people::model::{Customer, Roster, User};
use crate::people::store::{customer, roles_of, user, user_product, user_team, with_teams, words_of};
use crate::runtime::{App, Ctx};

/// A credential that was accepted.
pub struct Admitted {
    pub person: Arc<Person>,
    pub scope: TokenScope,
    pub expires_at: Option<Timestamp>,
}

/// The person behind an access token, or the account behind an API key.
pub async fn admit(app: &Arc<App>, token: &str) -> Result<Admitted> {
    if is_api_key(token) {
        return admit_system(app, token).await;
    }
    let access = auth::queries::verify(app, token).ok_or_else(Error::unauthenticated)?;
    let load = async |sessions: Vec<SessionId>| {
        if !auth::queries::is_open(app, &access).await? {
            return Err(Error::unauthenticated());
        }
        let mut person = person(app, access.user).await?.ok_or_else(Error::unauthenticated)?;
        person.session = Some(access.session);
        let person = Arc::new(person);
        Ok(sessions.into_iter().map(|session| (session, person.clone())).collect())
    };
    let mut found = app.state::<Roster>().by_session.get_or_load(vec![access.session], load).await?;
    let person = found.remove(&access.session).ok_or_else(Error::unauthenticated)?;
    Ok(Admitted { person, scope: access.scope, expires_at: Some(access.expires_at) })
}

async fn admit_system(app: &Arc<App>, token: &str) -> Result<Admitted> {
    let key = auth::queries::api_key_by_text(app, token).await?.ok_or_else(Error::unauthenticated)?;
    if key.last_used_at.is_none_or(|at| at + API_KEY_USE_EVERY <= app.now())
        && let Err(error) = auth::commands::note_use(&Ctx::system(app), key.id).await
    {
        // Whoever came in still did.
        tracing::warn!(%error, "the last use of a key could not be noted");
    }
    let mut person = person(app, key.user).await?.ok_or_else(Error::unauthenticated)?;
    person.api_key = Some(KeyAccess { key: key.id, scopes: key.scopes });
    Ok(Admitted { person: Arc::new(person), scope: TokenScope::Full, expires_at: key.expires_at })
}

/// Somebody with everything that decides what they see; `None` for nobody and for the disabled.
pub async fn person(app: &App, id: UserId) -> Result<Option<Person>> {
    let conn = app.db.read();
    let Some(row) = user::Entity::find_by_id(id).one(conn).await?.filter(|row| row.disabled_at.is_none()) else {
        return Ok(None);
    };
    let roles = roles_of(&row.roles);
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

async fn teams_of(conn: &impl ConnectionTrait, users: Vec<UserId>) -> Result<Vec<TeamId>> {
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

pub async fn users(conn: &impl ConnectionTrait, ids: Vec<UserId>) -> Result<Vec<User>> {
    let rows = user::Entity::find().filter(user::Column::Id.is_in(ids)).all(conn).await?;
    with_teams(conn, rows).await
}

/// The same, from memory where they are kept there.
pub async fn kept(app: &App, ids: Vec<UserId>) -> Result<HashMap<UserId, Arc<User>>> {
    let load = async |missing| {
        let users = users(app.db.read(), missing).await?;
        Ok(users.into_iter().map(|user| (user.id, Arc::new(user))).collect())
    };
    app.state::<Roster>().users.get_or_load(ids, load).await
}

pub async fn user(conn: &impl ConnectionTrait, id: UserId) -> Result<Option<User>> {
    Ok(users(conn, vec![id]).await?.pop())
}

pub async fn user_by_email(conn: &impl ConnectionTrait, email: &str) -> Result<Option<User>> {
    if !can_name(email) {
        return Ok(None);
    }
    let row = user::Entity::find().filter(user::Column::Email.eq(email.trim().to_lowercase())).one(conn).await?;
    Ok(with_teams(conn, row.into_iter().collect()).await?.pop())
}

pub async fn has_users(conn: &impl ConnectionTrait) -> Result<bool> {
    Ok(user::Entity::find().select_only().column(user::Column::Id).into_tuple::<UserId>().one(conn).await?.is_some())
}

/// Whether anybody could sign in and administer.
pub async fn has_administrator(conn: &impl ConnectionTrait) -> Result<bool> {
    let enabled = user::Entity::find().filter(user::Column::DisabledAt.is_null());
    let named = enabled.filter(user::Column::Roles.contains(Role::Admin.word())).one(conn).await?;
    Ok(named.is_some())
}

pub async fn customers(conn: &impl ConnectionTrait, ids: Vec<CustomerId>) -> Result<Vec<Customer>> {
    let rows = customer::Entity::find().filter(customer::Column::Id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

pub async fn customer_by_key(conn: &impl ConnectionTrait, key: &str) -> Result<Option<Customer>> {
    if !can_name(key) {
        return Ok(None);
    }
    Ok(customer::Entity::find().filter(customer::Column::Key.eq(key)).one(conn).await?.map(Into::into))
}

/// Who answers for each of these products.
pub async fn owners(conn: &impl ConnectionTrait, products: Vec<String>) -> Result<Vec<(String, UserId)>> {
    Ok(user_product::Entity::find()
        .select_only()
        .columns([user_product::Column::Product, user_product::Column::UserId])
        .filter(user_product::Column::Product.is_in(products))
        .order_by_asc(user_product::Column::UserId)
        .into_tuple()
        .all(conn)
        .await?)
}

/// What of people an actor may look up: staff see everyone, others themselves, their organisation and the staff.
pub fn may_see(actor: &Actor, user: &User) -> bool {
    let Some(person) = actor.person() else { return false };
    person.is_staff()
        || person.is(Role::ProductManager)
        || person.id == user.id
        || user.is_staff()
        || (user.customer.is_some() && user.customer == person.customer)
}

fn name_has(column: impl sea_orm::sea_query::IntoColumnRef, text: &str) -> sea_orm::sea_query::SimpleExpr {
    let pattern: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    let pattern = pattern.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    let like = sea_orm::sea_query::LikeExpr::new(format!("%{pattern}%")).escape('!');
    Expr::expr(Func::lower(Expr::col(column))).like(like)
}

/// People by name, for staff who choose an assignee or a requester.
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
    // Accounts of systems are nobody to choose.
    select = select.filter(user::Column::Roles.ne(words_of(&[Role::Partner])));
    if let Some(team) = team {
        let mut members = sea_orm::sea_query::Query::select();
        members.column(user_team::Column::UserId).from(user_team::Entity).and_where(user_team::Column::TeamId.eq(team));
        select = select.filter(user::Column::Id.in_subquery(members));
    }
    if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
        select = select
            .filter(Condition::any().add(name_has(user::Column::Name, text)).add(name_has(user::Column::Email, text)));
    }
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows = with_teams(cx.read(), select.all(cx.read()).await?).await?;
    Ok(page.connection(list, rows, |user| vec![Part::Text(user.name.clone()), Part::Id(user.id.0)]))
}

/// Customers by name: staff see all, others their own.
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
    if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
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
