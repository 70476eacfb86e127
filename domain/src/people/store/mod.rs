//! Tables of users and customers, and their statements.

pub mod availability;

pub mod user {
    use crate::kernel::{CustomerId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "user")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: UserId,
        pub email: String,
        pub name: String,
        /// Roles separated by commas.
        pub roles: String,
        pub customer_id: Option<CustomerId>,
        pub supervisor_id: Option<UserId>,
        pub created_at: Timestamp,
        pub disabled_at: Option<Timestamp>,
        /// Capacity for open work, in the weights of dispatch.
        pub capacity: i32,
        /// The working calendar; none: around the clock.
        pub calendar_key: Option<String>,
        /// A writer whom a channel identified; without sign-in.
        pub is_contact: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod user_team {
    use crate::kernel::{TeamId, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "user_team")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: TeamId,
        pub position: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod user_skill {
    use crate::kernel::UserId;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "user_skill")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub skill: String,
        pub level: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod user_product {
    use crate::kernel::UserId;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "user_product")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub product: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod customer {
    use crate::kernel::CustomerId;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "customer")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CustomerId,
        pub key: String,
        pub name: String,
        pub region: Option<String>,
        pub archived: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use std::collections::HashMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect as _,
    Set,
};

use crate::kernel::{CustomerId, Result, Role, TeamId, Timestamp, UserId};
use crate::people::model::{CAPACITY_DEFAULT, Customer, LEVEL_DEFAULT, SkillLevel, User};
use crate::runtime::Executor;

impl From<customer::Model> for Customer {
    fn from(row: customer::Model) -> Self {
        let customer::Model { id, key, name, region, archived } = row;
        Self { id, key, name, region, archived }
    }
}

pub(in crate::people) fn roles_from_column(text: &str) -> Vec<Role> {
    text.split(',').filter_map(|text| text.parse::<Role>().ok()).collect()
}

pub(in crate::people) fn roles_to_column(roles: &[Role]) -> String {
    Role::ALL.iter().filter(|role| roles.contains(role)).map(|role| role.as_str()).collect::<Vec<_>>().join(",")
}

/// Users with their teams, skills and products, in three more statements.
pub(in crate::people) async fn with_memberships(conn: &Executor, rows: Vec<user::Model>) -> Result<Vec<User>> {
    let ids: Vec<UserId> = rows.iter().map(|row| row.id).collect();
    let mut teams: HashMap<UserId, Vec<TeamId>> = HashMap::new();
    let of_teams = user_team::Entity::find()
        .filter(user_team::Column::UserId.is_in(ids.clone()))
        .order_by_asc(user_team::Column::Position)
        .all(conn)
        .await?;
    for row in of_teams {
        teams.entry(row.user_id).or_default().push(row.team_id);
    }
    let mut skills: HashMap<UserId, Vec<String>> = HashMap::new();
    let of_skills = user_skill::Entity::find()
        .filter(user_skill::Column::UserId.is_in(ids))
        .order_by_asc(user_skill::Column::Skill)
        .all(conn)
        .await?;
    for row in of_skills {
        skills.entry(row.user_id).or_default().push(row.skill);
    }
    let mut products: HashMap<UserId, Vec<String>> = HashMap::new();
    let of_products = user_product::Entity::find()
        .filter(user_product::Column::UserId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(user_product::Column::Product)
        .all(conn)
        .await?;
    for row in of_products {
        products.entry(row.user_id).or_default().push(row.product);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let user::Model { id, email, name, roles, customer_id, supervisor_id, disabled_at, is_contact, .. } = row;
            User {
                id,
                email,
                name,
                roles: roles_from_column(&roles),
                teams: teams.remove(&id).unwrap_or_default(),
                skills: skills.remove(&id).unwrap_or_default(),
                products: products.remove(&id).unwrap_or_default(),
                customer: customer_id,
                supervisor: supervisor_id,
                disabled_at,
                is_contact,
            }
        })
        .collect())
}

pub(in crate::people) async fn user_exists(conn: &Executor, id: UserId) -> Result<bool> {
    Ok(user::Entity::find_by_id(id).one(conn).await?.is_some())
}

/// Inserts a user with their teams, skills and products.
/// Accounts of one e-mail domain that are looked at.
const USERS_OF_DOMAIN_MAX: u64 = 1_000;

/// The users whose address is in an e-mail domain.
pub(in crate::people) async fn users_of_domain(conn: &Executor, domain: &str) -> Result<Vec<User>> {
    let users = user::Entity::find()
        .filter(user::Column::Email.ends_with(format!("@{domain}")))
        .order_by_asc(user::Column::Email)
        .limit(USERS_OF_DOMAIN_MAX);
    with_memberships(conn, users.all(conn).await?).await
}

pub(in crate::people) async fn insert_user(conn: &Executor, user: User, now: Timestamp) -> Result<()> {
    let User { id, email, name, roles, teams, skills, products, customer, supervisor, disabled_at, is_contact } = user;
    let row = user::ActiveModel {
        id: Set(id),
        email: Set(email),
        name: Set(name),
        roles: Set(roles_to_column(&roles)),
        customer_id: Set(customer),
        supervisor_id: Set(supervisor),
        created_at: Set(now),
        disabled_at: Set(disabled_at),
        capacity: Set(CAPACITY_DEFAULT),
        calendar_key: Set(None),
        is_contact: Set(is_contact),
    };
    user::Entity::insert(row).exec_without_returning(conn).await?;
    let skills = skills.into_iter().map(|skill| SkillLevel { skill, level: LEVEL_DEFAULT }).collect();
    replace_teams(conn, id, &teams).await?;
    replace_skills(conn, id, skills).await?;
    replace_products(conn, id, products).await
}

/// The changed fields of a user; `None`: unchanged.
#[derive(Default)]
pub(in crate::people) struct UserChange {
    pub email: Option<String>,
    pub name: Option<String>,
    pub roles: Option<Vec<Role>>,
    pub customer: Option<CustomerId>,
    pub supervisor: Option<UserId>,
    pub disabled_at: Option<Option<Timestamp>>,
    pub capacity: Option<i32>,
    pub calendar_key: Option<Option<String>>,
    pub is_contact: Option<bool>,
}

pub(in crate::people) async fn update_user(conn: &Executor, id: UserId, change: UserChange) -> Result<()> {
    fn value<T: Into<sea_orm::Value>>(changed: Option<T>) -> ActiveValue<T> {
        changed.map_or(NotSet, Set)
    }
    let UserChange { email, name, roles, customer, supervisor, disabled_at, capacity, calendar_key, is_contact } =
        change;
    let change = user::ActiveModel {
        id: NotSet,
        email: value(email),
        name: value(name),
        roles: value(roles.map(|roles| roles_to_column(&roles))),
        customer_id: value(customer.map(Some)),
        supervisor_id: value(supervisor.map(Some)),
        created_at: NotSet,
        disabled_at: value(disabled_at),
        capacity: value(capacity),
        calendar_key: value(calendar_key),
        is_contact: value(is_contact),
    };
    if change.is_changed() {
        user::Entity::update_many().set(change).filter(user::Column::Id.eq(id)).exec(conn).await?;
    }
    Ok(())
}

/// Replaces the teams of a user; the first is the primary team.
pub(in crate::people) async fn replace_teams(conn: &Executor, user: UserId, teams: &[TeamId]) -> Result<()> {
    user_team::Entity::delete_many().filter(user_team::Column::UserId.eq(user)).exec(conn).await?;
    if teams.is_empty() {
        return Ok(());
    }
    let rows = teams.iter().zip(0..).map(|(team, position)| user_team::ActiveModel {
        user_id: Set(user),
        team_id: Set(*team),
        position: Set(position),
    });
    user_team::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

pub(in crate::people) async fn skills_of(conn: &Executor, user: UserId) -> Result<Vec<SkillLevel>> {
    let rows = user_skill::Entity::find().filter(user_skill::Column::UserId.eq(user)).all(conn).await?;
    Ok(rows.into_iter().map(|row| SkillLevel { skill: row.skill, level: row.level }).collect())
}

pub(in crate::people) async fn replace_skills(conn: &Executor, user: UserId, skills: Vec<SkillLevel>) -> Result<()> {
    user_skill::Entity::delete_many().filter(user_skill::Column::UserId.eq(user)).exec(conn).await?;
    if skills.is_empty() {
        return Ok(());
    }
    let rows = skills.into_iter().map(|SkillLevel { skill, level }| user_skill::ActiveModel {
        user_id: Set(user),
        skill: Set(skill),
        level: Set(level),
    });
    user_skill::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

pub(in crate::people) async fn replace_products(conn: &Executor, user: UserId, products: Vec<String>) -> Result<()> {
    user_product::Entity::delete_many().filter(user_product::Column::UserId.eq(user)).exec(conn).await?;
    if products.is_empty() {
        return Ok(());
    }
    let rows =
        products.into_iter().map(|product| user_product::ActiveModel { user_id: Set(user), product: Set(product) });
    user_product::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

/// Inserts a customer, or updates the one with this key.
pub(in crate::people) async fn upsert_customer(conn: &Executor, customer: Customer) -> Result<()> {
    let Customer { id, key, name, region, archived } = customer;
    let row = customer::ActiveModel {
        id: Set(id),
        key: Set(key),
        name: Set(name),
        region: Set(region),
        archived: Set(archived),
    };
    let mut replace = OnConflict::column(customer::Column::Key);
    replace.update_columns([customer::Column::Name, customer::Column::Region, customer::Column::Archived]);
    customer::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}
