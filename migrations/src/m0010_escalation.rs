//! Escalation: policies (a row a version) and the levels of every epoch; tickets that nobody opened in time are marked.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_escalation"
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
            "create table escalation_policy (priority integer not null, version integer not null, measure text not null,
                levels text not null, saved_at bigint not null, primary key (priority, version))"
                .to_owned(),
            format!(
                "create table escalation (ticket_id {id} not null references ticket (id), epoch integer not null,
                    level integer not null, watched_id {id}, since bigint not null, due_at bigint not null,
                    state text not null, fired_at bigint, priority integer not null, policy_version integer not null,
                    channels text not null, retry boolean not null, primary key (ticket_id, epoch, level))"
            ),
            "create index escalation_due_at on escalation (due_at) where state = 'PLANNED'".to_owned(),
            "create index escalation_retry on escalation (due_at) where retry".to_owned(),
            "alter table ticket add column no_response_marked_at bigint".to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
