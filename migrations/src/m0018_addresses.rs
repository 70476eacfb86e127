//! Addresses are proved: by a code that was sent to them, or by an administrator; a proved address has one holder.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0018_addresses"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let id = match manager.get_database_backend() {
            DbBackend::Postgres => "uuid",
            _ => "uuid_text",
        };
        let codes = format!(
            "create table address_code (id {id} not null primary key, user_id {id} not null references \"user\" (id),
                channel text not null, address text not null, make_primary boolean not null, issued_at bigint not null, attempts integer not null,
                sent_at bigint, failure text)"
        );
        let statements = [
            "alter table terminal add column proved_at bigint",
            // Nobody can claim a page of their own. A browser's subscription is known only to that browser, and belongs to
            // whoever used it last.
            "update terminal set proved_at = bound_at where channel = 'WEB' or (channel = 'WEB_PUSH' and not exists (
                select 1 from terminal later where later.channel = terminal.channel
                    and later.address = terminal.address
                    and (later.bound_at > terminal.bound_at
                        or (later.bound_at = terminal.bound_at and later.user_id > terminal.user_id))))",
            // The address of the account was given by an administrator.
            "update terminal set proved_at = bound_at where channel = 'EMAIL'
                and address = (select email from \"user\" where \"user\".id = terminal.user_id)",
            "create unique index terminal_holder on terminal (channel, address)
                where proved_at is not null and address <> ''",
            &codes,
            "create index address_code_user on address_code (user_id, channel, issued_at)",
            "create index address_code_address on address_code (channel, address, issued_at)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
