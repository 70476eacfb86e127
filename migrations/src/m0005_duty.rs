//! What somebody can and takes, when they are away, and who stands in.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_duty"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let id = match manager.get_database_backend() {
            DbBackend::Postgres => "uuid",
            _ => "uuid_text",
        };
        let statements = [
            "alter table \"user\" add column capacity integer not null default 20".to_owned(),
            "alter table \"user\" add column calendar_key text".to_owned(),
            "alter table user_skill add column level integer not null default 3".to_owned(),
            format!(
                "create table absence (id {id} not null primary key, user_id {id} not null references \"user\" (id),
                    from_at bigint not null, until_at bigint, note text)"
            ),
            "create index absence_user_id_from_at on absence (user_id, from_at)".to_owned(),
            format!(
                "create table delegation (id {id} not null primary key, from_id {id} not null references \"user\" (id),
                    to_id {id} not null references \"user\" (id), begins_at bigint not null, ends_at bigint not null,
                    weekdays text not null, from_minute integer not null, to_minute integer not null)"
            ),
            "create index delegation_ends_at on delegation (ends_at)".to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
