//! Tables of absences and delegations, and their statements.

pub mod absence {
    use crate::kernel::{AbsenceId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "absence")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: AbsenceId,
        pub user_id: UserId,
        pub from_at: Timestamp,
        pub until_at: Option<Timestamp>,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod delegation {
    use crate::kernel::{DelegationId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "delegation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: DelegationId,
        pub from_id: UserId,
        pub to_id: UserId,
        pub begins_at: Timestamp,
        pub ends_at: Timestamp,
        /// Seven digits 0 or 1, from Monday.
        pub weekdays: String,
        pub from_minute: i32,
        pub to_minute: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use crate::kernel::{AbsenceId, DelegationId, Result, Timestamp};
use crate::people::model::{Absence, Delegation};
use crate::runtime::Executor;

impl From<absence::Model> for Absence {
    fn from(row: absence::Model) -> Self {
        let absence::Model { id, user_id, from_at, until_at, note } = row;
        Self { id, user: user_id, from: from_at, until: until_at, note }
    }
}

impl From<delegation::Model> for Delegation {
    fn from(row: delegation::Model) -> Self {
        let delegation::Model { id, from_id, to_id, begins_at, ends_at, weekdays, from_minute, to_minute } = row;
        let mut days = weekdays.bytes().map(|day| day == b'1');
        let minute = |minute| u16::try_from(minute).unwrap_or(0);
        Self {
            id,
            from: from_id,
            to: to_id,
            begins: begins_at,
            ends: ends_at,
            weekdays: std::array::from_fn(|_| days.next().unwrap_or(false)),
            from_minute: minute(from_minute),
            to_minute: minute(to_minute),
        }
    }
}

pub async fn absence(conn: &Executor, id: AbsenceId) -> Result<Option<Absence>> {
    Ok(absence::Entity::find_by_id(id).one(conn).await?.map(Into::into))
}

pub async fn insert_absence(conn: &Executor, absence: Absence) -> Result<()> {
    let Absence { id, user, from, until, note } = absence;
    let row = absence::ActiveModel {
        id: Set(id),
        user_id: Set(user),
        from_at: Set(from),
        until_at: Set(until),
        note: Set(note),
    };
    absence::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

pub async fn end_absence(conn: &Executor, id: AbsenceId, now: Timestamp) -> Result<()> {
    absence::Entity::update_many()
        .col_expr(absence::Column::UntilAt, Expr::value(now))
        .filter(absence::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

pub async fn delegation(conn: &Executor, id: DelegationId) -> Result<Option<Delegation>> {
    Ok(delegation::Entity::find_by_id(id).one(conn).await?.map(Into::into))
}

fn weekdays_to_column(weekdays: [bool; 7]) -> String {
    weekdays.map(|day| if day { '1' } else { '0' }).into_iter().collect()
}

/// Whether there is a delegation that differs at most in its id.
pub async fn has_delegation(conn: &Executor, like: &Delegation) -> Result<bool> {
    let Delegation { id: _, from, to, begins, ends, weekdays, from_minute, to_minute } = *like;
    let same = delegation::Entity::find()
        .filter(delegation::Column::FromId.eq(from))
        .filter(delegation::Column::ToId.eq(to))
        .filter(delegation::Column::BeginsAt.eq(begins))
        .filter(delegation::Column::EndsAt.eq(ends))
        .filter(delegation::Column::Weekdays.eq(weekdays_to_column(weekdays)))
        .filter(delegation::Column::FromMinute.eq(i32::from(from_minute)))
        .filter(delegation::Column::ToMinute.eq(i32::from(to_minute)));
    Ok(same.one(conn).await?.is_some())
}

pub async fn insert_delegation(conn: &Executor, delegation: Delegation) -> Result<()> {
    let Delegation { id, from, to, begins, ends, weekdays, from_minute, to_minute } = delegation;
    let row = delegation::ActiveModel {
        id: Set(id),
        from_id: Set(from),
        to_id: Set(to),
        begins_at: Set(begins),
        ends_at: Set(ends),
        weekdays: Set(weekdays_to_column(weekdays)),
        from_minute: Set(i32::from(from_minute)),
        to_minute: Set(i32::from(to_minute)),
    };
    delegation::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

pub async fn end_delegation(conn: &Executor, id: DelegationId, now: Timestamp) -> Result<()> {
    delegation::Entity::update_many()
        .col_expr(delegation::Column::EndsAt, Expr::value(now))
        .filter(delegation::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}
