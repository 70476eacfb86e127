//! Who was told what, by which way, and what reaches whom.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_notifications"
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
                "create table notification (id {id} not null primary key, cause text not null, cause_key text not null,
                    ticket_id {id} references ticket (id), recipient_id {id} not null references \"user\" (id),
                    via text not null, params text not null, decided_at bigint not null, opened_at bigint)"
            ),
            "create unique index notification_cause_key_recipient_id on notification (cause_key, recipient_id)"
                .to_owned(),
            "create index notification_recipient_id_decided_at on notification (recipient_id, decided_at, id)"
                .to_owned(),
            "create index notification_ticket_id on notification (ticket_id, recipient_id)".to_owned(),
            format!(
                "create table notification_delivery (id {id} not null primary key,
                    notification_id {id} not null references notification (id), position integer not null,
                    channel text not null, address text not null, state text not null, attempts integer not null, queued_at bigint not null,
                    sent_at bigint, delivered_at bigint, failure text, provider_id text,
                    digest_id {id} references notification (id), repeated boolean not null)"
            ),
            "create index notification_delivery_notification_id on notification_delivery (notification_id)".to_owned(),
            "create index notification_delivery_digest_id on notification_delivery (digest_id)
                where digest_id is not null"
                .to_owned(),
            // Receipts name a message by the provider's own id.
            "create index notification_delivery_provider_id on notification_delivery (provider_id)
                where provider_id is not null"
                .to_owned(),
            // Digests that are still open.
            "create index notification_delivery_waiting on notification_delivery (channel, address)
                where state = 'QUEUED'"
                .to_owned(),
            format!(
                "create table terminal (user_id {id} not null references \"user\" (id), channel text not null,
                    address text not null, is_primary boolean not null, bound_at bigint not null,
                    primary key (user_id, channel))"
            ),
            format!(
                "create table channel_activity (user_id {id} not null references \"user\" (id), channel text not null,
                    at bigint not null, primary key (user_id, channel))"
            ),
            format!(
                "create table notification_preference (user_id {id} not null primary key references \"user\" (id),
                    language text, quiet_from integer, quiet_to integer)"
            ),
            "create table send_bucket (account text not null primary key, tokens bigint not null, at bigint not null)"
                .to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
