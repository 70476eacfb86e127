//! Tables of people.

pub mod duty;

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
        /// Words separated by commas.
        pub roles: String,
        pub customer_id: Option<CustomerId>,
        pub supervisor_id: Option<UserId>,
        pub created_at: Timestamp,
        pub disabled_at: Option<Timestamp>,
        /// Open work that they take, in the weights of dispatch.
        pub capacity: i32,
        /// The calendar by which they work; none: around the clock.
        pub calendar_key: Option<String>,
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

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::kernel::{Result, Role, TeamId, UserId};
use crate::people::model::{Customer, User};

impl From<customer::Model> for Customer {
    fn from(row: customer::Model) -> Self {
        let customer::Model { id, key, name, region, archived } = row;
        Self { id, key, name, region, archived }
    }
}

pub(in crate::people) fn roles_of(words: &str) -> Vec<Role> {
    words.split(',').filter_map(Role::parse).collect()
}

pub(in crate::people) fn words_of(roles: &[Role]) -> String {
    Role::ALL.iter().filter(|role| roles.contains(role)).map(|role| role.word()).collect::<Vec<_>>().join(",")
}

/// Rows with their teams, skills and products: four statements, however many people.
pub(in crate::people) async fn with_teams(conn: &impl ConnectionTrait, rows: Vec<user::Model>) -> Result<Vec<User>> {
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
            let user::Model { id, email, name, roles, customer_id, supervisor_id, disabled_at, .. } = row;
            User {
                id,
                email,
                name,
                roles: roles_of(&roles),
                teams: teams.remove(&id).unwrap_or_default(),
                skills: skills.remove(&id).unwrap_or_default(),
                products: products.remove(&id).unwrap_or_default(),
                customer: customer_id,
                supervisor: supervisor_id,
                disabled_at,
            }
        })
        .collect())
}
