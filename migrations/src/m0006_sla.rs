//! SLA policies (a row a version) and clocks.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_sla"
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
            format!(
                "create table sla_policy (key text not null, version integer not null, name text not null, name_zh text,
                    archived boolean not null, priorities text not null, customer_id {id}, issue_type text,
                    first_response_secs bigint, resolution_secs bigint, calendar_key text not null,
                    saved_at bigint not null, primary key (key, version))"
            ),
            format!(
                "create table sla_clock (ticket_id {id} not null references ticket (id), metric text not null,
                    policy_key text not null, policy_version integer not null, calendar_key text not null,
                    calendar_version integer not null, target_ms bigint not null, started_at bigint not null,
                    spent_ms bigint not null, since bigint, ended_at bigint, due_at bigint, breached_at bigint,
                    risk_told_at bigint, breach_told_at bigint, primary key (ticket_id, metric))"
            ),
            // What breaches next.
            "create index sla_clock_due_at on sla_clock (due_at) where since is not null".to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
