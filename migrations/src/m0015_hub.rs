//! One truth across systems: systems with their keys, words and secrets; what they reported, what each holds, where two
//! differed and for how long; corrections and what became of them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0015_hub"
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
                "create table api_key (id {id} not null primary key, user_id {id} not null references \"user\" (id),
                    digest {bytes} not null unique, hint text not null, scopes text not null,
                    created_at bigint not null, expires_at bigint, revoked_at bigint, last_used_at bigint)"
            ),
            "create index api_key_user_id on api_key (user_id)".to_owned(),
            format!(
                "create table partner_system (id {id} not null primary key, key text not null unique, name text not null,
                    rank integer not null, user_id {id} not null unique references \"user\" (id), callback_url text,
                    created_at bigint not null, failing_since bigint, failures integer not null, retry_at bigint,
                    disabled_at bigint, disabled_because text, clock_offset_millis bigint, clock_seen_at bigint)"
            ),
            format!(
                "create table status_word (system_id {id} not null references partner_system (id), word text not null,
                    position integer not null, status text not null, reopens boolean not null,
                    primary key (system_id, word))"
            ),
            format!(
                "create table webhook_secret (id {id} not null primary key,
                    system_id {id} not null references partner_system (id), sealed {bytes} not null,
                    created_at bigint not null, expires_at bigint)"
            ),
            "create index webhook_secret_system_id on webhook_secret (system_id)".to_owned(),
            format!(
                "create table hub_ticket (ticket_id {id} not null primary key references ticket (id),
                    status text not null, changed_at bigint, reopenings integer not null, reporting integer not null,
                    compared_from bigint)"
            ),
            "create index hub_ticket_compared_from on hub_ticket (compared_from) where compared_from is not null"
                .to_owned(),
            format!(
                "create table status_report (id {id} not null primary key, ticket_id {id} not null references ticket (id),
                    system_id {id} references partner_system (id), rank integer not null, word text not null,
                    status text, reopens boolean not null, by_person boolean not null, at bigint not null,
                    received_at bigint not null, operator text not null, event_id text, digest {bytes} not null,
                    outcome text not null)"
            ),
            "create unique index status_report_place on status_report (ticket_id, at, digest)".to_owned(),
            "create unique index status_report_event_id on status_report (system_id, event_id)
                where event_id is not null"
                .to_owned(),
            "create index status_report_unknown on status_report (system_id, word) where status is null".to_owned(),
            format!(
                "create table hub_holding (ticket_id {id} not null references ticket (id),
                    system_id {id} not null references partner_system (id), report_id {id} references status_report (id),
                    correction_id {id}, status text, primary key (ticket_id, system_id))"
            ),
            "create index hub_holding_system_id on hub_holding (system_id)".to_owned(),
            format!(
                "create table correction (id {id} not null primary key, ticket_id {id} not null references ticket (id),
                    system_id {id} not null references partner_system (id), status text not null, cause text not null,
                    created_at bigint not null, state text not null, attempts integer not null, due_at bigint,
                    sent_at bigint, acknowledged_at bigint, failure text)"
            ),
            "create index correction_ticket_id on correction (ticket_id)".to_owned(),
            "create index correction_due on correction (system_id, due_at) where due_at is not null".to_owned(),
            "create index correction_open on correction (system_id, id)
                where acknowledged_at is null and state <> 'OVERTAKEN'"
                .to_owned(),
            format!(
                "create table hub_difference (id {id} not null primary key, ticket_id {id} not null references ticket (id),
                    first_id {id} not null references partner_system (id),
                    second_id {id} not null references partner_system (id),
                    began_at bigint not null, ended_at bigint)"
            ),
            "create unique index hub_difference_open on hub_difference (ticket_id, first_id, second_id)
                where ended_at is null"
                .to_owned(),
            "create index hub_difference_ended_at on hub_difference (ended_at)".to_owned(),
            "alter table ticket add column pending_status text".to_owned(),
            "alter table ticket add column pending_system text".to_owned(),
            "alter table ticket add column pending_since bigint".to_owned(),
            "alter table ticket add column pending_needs text".to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
