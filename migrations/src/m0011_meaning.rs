//! What tickets mean, as vectors, and up to where of the log they have been made.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_meaning"
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
                "create table ticket_vector (ticket_id {id} not null references ticket (id), model text not null,
                    text_digest {bytes} not null, vector {bytes} not null, primary key (ticket_id, model))"
            ),
            "create table vector_progress (model text not null primary key, position text not null)".to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
