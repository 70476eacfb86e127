//! What metrics read: a ticket's first resolution, and which defects a release fixes.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_metrics"
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
            "alter table ticket add column first_resolved_at bigint".to_owned(),
            "alter table ticket add column first_reopened_at bigint".to_owned(),
            "alter table ticket add column first_resolution_hand_overs integer not null default 0".to_owned(),
            // What is there already, from the log.
            "update ticket set first_resolved_at = (select min(at) from event_log
                where subject = ticket.id and kind in ('TicketResolved', 'TicketClosed'))"
                .to_owned(),
            "update ticket set first_reopened_at = (select min(at) from event_log
                where subject = ticket.id and kind = 'TicketReopened') where first_resolved_at is not null"
                .to_owned(),
            // The source's own count, where the ticket came from one.
            "update ticket set first_resolution_hand_overs = case when imported then hand_over_count else
                (select count(*) from event_log where subject = ticket.id and kind = 'TicketAssigned'
                    and payload like '%\"hand_over\":true%' and at <= ticket.first_resolved_at) end
                where first_resolved_at is not null"
                .to_owned(),
            format!(
                "create table product_release (id {id} not null primary key, product text not null,
                    version text not null, released_at bigint not null)"
            ),
            "create unique index product_release_product_version on product_release (product, version)".to_owned(),
            format!(
                "create table release_fix (release_id {id} not null references product_release (id),
                    ticket_id {id} not null references ticket (id), primary key (release_id, ticket_id))"
            ),
            "create index release_fix_ticket_id on release_fix (ticket_id)".to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
