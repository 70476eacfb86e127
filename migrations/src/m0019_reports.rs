//! Reports in microseconds, with their position in their batch; payloads of dismissed submissions are found by the time of
//! their dismissal.

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
            // Without its index, so that no row meets the old value of another one meanwhile.
            "drop index status_report_place",
            "update status_report set at = at * 1000",
            "create unique index status_report_place on status_report (ticket_id, at, digest)",
            "update hub_ticket set changed_at = changed_at * 1000 where changed_at is not null",
            "alter table status_report add column position integer not null default 0",
            "create index quarantined_submission_dismissed_at on quarantined_submission (dismissed_at)
                where dismissed_at is not null and bytes > 0",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
