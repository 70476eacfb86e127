//! The last decision about each ticket, and when each agent last got one.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_dispatch"
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
                "create table dispatch (ticket_id {id} not null primary key references ticket (id),
                    decided_at bigint not null, chosen_id {id}, candidates text not null, queued_at bigint,
                    assignments integer not null)"
            ),
            format!(
                "create table agent_load (user_id {id} not null primary key references \"user\" (id),
                    stamp bigint not null, last_assigned_at bigint not null)"
            ),
            // Open work of each agent, whatever they have done before.
            "create index ticket_open_work on ticket (assignee_id, priority, status)
                where status in ('ASSIGNED', 'IN_PROGRESS', 'WAITING')"
                .to_owned(),
            // The queue, in its order.
            "create index ticket_waiting on ticket (priority, chase_count, number)
                where assignee_id is null and status = 'NEW'"
                .to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
