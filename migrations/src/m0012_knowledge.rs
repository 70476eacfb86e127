//! Knowledge: what solved tickets have in common, the cards made of it, who cited what; and how content people were.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_knowledge"
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
            // Reports take tickets by it.
            "create index ticket_first_resolved_at on ticket (first_resolved_at) where first_resolved_at is not null"
                .to_owned(),
            format!(
                "create table occurrence (ticket_id {id} not null primary key references ticket (id),
                    signature text not null, at bigint not null, revision bigint not null)"
            ),
            "create index occurrence_signature_at on occurrence (signature, at)".to_owned(),
            format!(
                "create table card (id {id} not null primary key, signature text not null unique,
                    fault_type text not null, root_cause_level text not null, cause_tag text, product text,
                    solution_tags text not null, state text not null, version integer not null,
                    extracted_at bigint not null, reviewed_at bigint, reviewed_by {id} references \"user\" (id),
                    published_at bigint, published_by {id} references \"user\" (id),
                    retired_at bigint, retired_by {id} references \"user\" (id))"
            ),
            format!(
                "create table card_version (card_id {id} not null references card (id), version integer not null,
                    title text not null, applies_to text, solution text not null,
                    source_id {id} references ticket (id), by_id {id} references \"user\" (id), at bigint not null,
                    primary key (card_id, version))"
            ),
            "create index card_version_source_id on card_version (source_id) where source_id is not null".to_owned(),
            format!(
                "create table card_case (card_id {id} not null references card (id),
                    ticket_id {id} not null references ticket (id), title text not null, resolution text not null,
                    handler_id {id} not null references \"user\" (id), resolved_at bigint not null,
                    joined_at bigint not null, primary key (card_id, ticket_id))"
            ),
            "create index card_case_ticket_id on card_case (ticket_id)".to_owned(),
            format!(
                "create table citation (id {id} not null primary key, ticket_id {id} not null references ticket (id),
                    case_id {id} references ticket (id), card_id {id} references card (id), text text not null,
                    by_id {id} not null references \"user\" (id), at bigint not null)"
            ),
            // Once per ticket.
            "create unique index citation_ticket_id_case_id on citation (ticket_id, case_id) where case_id is not null"
                .to_owned(),
            "create unique index citation_ticket_id_card_id on citation (ticket_id, card_id) where card_id is not null"
                .to_owned(),
            "create index citation_case_id on citation (case_id) where case_id is not null".to_owned(),
            "create index citation_card_id on citation (card_id) where card_id is not null".to_owned(),
            "create index citation_at on citation (at)".to_owned(),
            format!(
                "create table survey (ticket_id {id} not null primary key references ticket (id),
                    recipient_id {id} references \"user\" (id), asked_at bigint, score integer, comment text,
                    by_id {id} references \"user\" (id), answered_at bigint)"
            ),
            "create index survey_asked_at on survey (asked_at) where asked_at is not null".to_owned(),
            "create index survey_answered_at on survey (answered_at) where answered_at is not null".to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
