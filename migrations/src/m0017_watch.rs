//! What is held apart from its description, and what is watched: credentials that fail, canaries, who wrote by a gateway; echoes by their own names, and refusals counted
//! apart from attempts.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0017_watch"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (id, bytes) = match manager.get_database_backend() {
            DbBackend::Postgres => ("uuid", "bytea"),
            _ => ("uuid_text", "blob"),
        };
        let payload = format!(
            "create table quarantined_payload (submission_id {id} not null primary key
                references quarantined_submission (id), sealed {bytes} not null)"
        );
        let statements = [
            &payload,
            "insert into quarantined_payload (submission_id, sealed)
                select id, sealed from quarantined_submission where sealed is not null",
            "alter table quarantined_submission add column bytes bigint not null default 0",
            "update quarantined_submission set bytes = coalesce(length(sealed), 0)",
            "alter table quarantined_submission drop column sealed",
            "alter table correction add column refusals integer not null default 0",
            "alter table correction add column echo_event text",
            "create index correction_echo on correction (system_id, echo_event) where echo_event is not null",
            "alter table submission add column sender text",
            "alter table submission add column digest text",
            "create index submission_gateway on submission (gateway, received_at)",
            "alter table quarantined_submission add column dismissed_at bigint",
            "alter table quarantined_submission add column writer text",
            "alter table quarantined_submission add column telling_at bigint",
            "create index quarantined_submission_writer on quarantined_submission (ticket_id) where writer is not null",
            "alter table credential add column failing_since bigint",
            "alter table credential add column failure text",
            "alter table credential add column probed_at bigint",
            "create table canary (key text not null primary key, gateway text not null, state text not null,
                sent_at bigint not null, arrived_at bigint, ended_at bigint, failure text)",
            "create index canary_gateway on canary (gateway, sent_at)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
