//! What came in by gateways, as it was received: sealed, and kept for a time.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0024_raw_mail"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (id, bytes) = match manager.get_database_backend() {
            DbBackend::Postgres => ("uuid", "bytea"),
            _ => ("uuid_text", "blob"),
        };
        let table = format!(
            "create table raw_submission (id {id} not null primary key, gateway text not null, external_id text not null,
                ticket_id {id} not null references ticket (id), received_at bigint not null, stored_at bigint not null,
                bytes bigint not null, sealed {bytes} not null)"
        );
        let statements = [
            &table,
            "create index raw_submission_ticket_id on raw_submission (ticket_id)",
            "create index raw_submission_stored_at on raw_submission (stored_at)",
            // Covers the sums of the limits.
            "create index raw_submission_gateway on raw_submission (gateway, bytes)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
