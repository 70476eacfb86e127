//! Payloads of dismissed submissions are found by the time of their dismissal.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0019_reports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = [
            "create index quarantined_submission_dismissed_at on quarantined_submission (dismissed_at)
                where dismissed_at is not null and bytes > 0",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
