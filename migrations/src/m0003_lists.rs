//! Lists: of every grant of a scope, and of a status, the first ones stand in the order of an index; of teams, assignees
//! and products also by status, without looking at the ticket. The revision of a row rises with every change of it: by it a node
//! knows whether the ticket that it holds is still the one.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_lists"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared("alter table ticket add column revision bigint not null default 0")
            .await?;
        for (column, more) in [
            ("team_id", ", status"),
            ("assignee_id", ", status"),
            ("product", ", status"),
            ("customer_id", ""),
            ("requester_id", ""),
            ("status", ""),
        ] {
            for statement in [
                format!("create index ticket_{column}_created_at on ticket ({column}, created_at, number{more})"),
                format!("drop index ticket_{column}_number"),
            ] {
                manager.get_connection().execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }
}
