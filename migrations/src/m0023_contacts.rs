//! Contacts: writers without an account, whose address their channel proved. What they write belongs to their ticket, and a
//! link shows it to them without sign-in.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0023_contacts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let id = match manager.get_database_backend() {
            DbBackend::Postgres => "uuid",
            _ => "uuid_text",
        };
        let messages = format!(
            "create table channel_message (channel text not null, message_id text not null,
                ticket_id {id} not null references ticket (id), user_id {id} not null references \"user\" (id),
                conversation text, subject text, at bigint not null, primary key (channel, message_id))"
        );
        let links = format!(
            "create table ticket_link (id {id} not null primary key, ticket_id {id} not null references ticket (id),
                user_id {id} not null references \"user\" (id), issued_at bigint not null, revoked_at bigint)"
        );
        let statements = [
            "alter table \"user\" add column is_contact boolean not null default false",
            &messages,
            "create index channel_message_writer on channel_message (user_id, channel, at)",
            "create index channel_message_ticket on channel_message (ticket_id, user_id, channel, at)",
            &links,
            "create unique index ticket_link_holder on ticket_link (ticket_id, user_id) where revoked_at is null",
            "create index notification_delivery_provider on notification_delivery (provider_id)
                where provider_id is not null",
            "alter table notification_preference add column ways text",
            "alter table ticket add column asked_at bigint",
            // A released submission has a contact now, who is told like every requester.
            "delete from job where kind = 'intake.tell'",
            "drop index quarantined_submission_writer",
            "alter table quarantined_submission drop column writer",
            "alter table quarantined_submission drop column telling_at",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
