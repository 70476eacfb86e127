//! Calendars: a row a version, none of them ever changed.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_calendar"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(
                "create table calendar (key text not null, version integer not null, name text not null, name_zh text,
                    archived boolean not null, hours text not null, saved_at bigint not null, primary key (key, version))",
            )
            .await?;
        Ok(())
    }
}
