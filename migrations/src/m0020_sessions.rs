//! Refresh tokens are numbered, so that a repeated one yields the same successor; networks that an account signed in from are
//! known.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0020_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = [
            "alter table session add column generation integer not null default 0",
            "alter table session add column replaced_at bigint",
            "create table known_device (key text not null primary key, account text not null, seen_at bigint not null)",
            "create index known_device_account on known_device (account, seen_at)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
