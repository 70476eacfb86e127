//! Credentials with their secrets; what came in by gateways, and what failed its check.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0016_intake"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (id, bytes) = match manager.get_database_backend() {
            DbBackend::Postgres => ("uuid", "bytea"),
            _ => ("uuid_text", "blob"),
        };
        let statements = [
            format!(
                "create table credential (id {id} not null primary key, key text not null unique, kind text not null,
                    name text not null, owner_id {id} not null references \"user\" (id), expires_at bigint,
                    created_at bigint not null, rotated_at bigint, warned_days bigint)"
            ),
            format!(
                "create table credential_secret (id {id} not null primary key,
                    credential_id {id} not null references credential (id), sealed {bytes} not null,
                    created_at bigint not null, expires_at bigint)"
            ),
            "create index credential_secret_credential_id on credential_secret (credential_id)".to_owned(),
            format!(
                "create table submission (gateway text not null, external_id text not null,
                    ticket_id {id} not null references ticket (id), received_at bigint not null,
                    primary key (gateway, external_id))"
            ),
            "create index submission_ticket_id on submission (ticket_id)".to_owned(),
            format!(
                "create table quarantined_submission (id {id} not null primary key, gateway text not null,
                    source text not null, reason text not null, received_at bigint not null, sealed {bytes},
                    released_at bigint, ticket_id {id} references ticket (id))"
            ),
            "create index quarantined_submission_gateway on quarantined_submission (gateway, id)".to_owned(),
            "create index quarantined_submission_held on quarantined_submission (gateway, source)
                where released_at is null"
                .to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
