//! What the history of an imported ticket leaves open, and whether anybody ever accepted a ticket.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0021_source_history"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = [
            "alter table ticket add column history_incomplete boolean not null default false",
            "alter table ticket add column merged_in_source boolean not null default false",
            "alter table ticket add column response_unknown boolean not null default false",
            "alter table ticket add column resolution_unknown boolean not null default false",
            // A list that knows only the closing: somebody responded before it.
            "update ticket set response_unknown = true
                where imported = true and first_responded_at is null and status in ('RESOLVED', 'CLOSED')",
            // `accepted` used to end with the next assignment, and an import did not set it.
            "update ticket set accepted = true where accepted = false and (hand_over_count > 0
                or first_resolved_at is not null or (imported = true and status in ('IN_PROGRESS', 'WAITING')))",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
