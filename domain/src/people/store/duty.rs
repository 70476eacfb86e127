//! Tables of absences and delegations.

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
        /// Seven times 0 or 1, from Monday.
        pub weekdays: String,
        pub from_minute: i32,
        pub to_minute: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use crate::people::model::{Absence, Delegation};

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
