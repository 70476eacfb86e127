//! Reuse: whose words a text is, how each citation has held, when cards were in use, when people were asked; what was
//! suggested, and what the order of cases has learned from it; the reports that were made.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_reuse"
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
            "drop index card_version_source_id".to_owned(),
            "alter table card_version rename column source_id to solution_source_id".to_owned(),
            format!("alter table card_version add column title_source_id {id} references ticket (id)"),
            // What was edited still says in part what its case said.
            "update card_version set solution_source_id = (select first.solution_source_id from card_version first
                where first.card_id = card_version.card_id and first.version = 1) where version > 1"
                .to_owned(),
            "update card_version set title_source_id = solution_source_id".to_owned(),
            "create index card_version_solution_source_id on card_version (solution_source_id)
                where solution_source_id is not null"
                .to_owned(),
            "create index card_version_title_source_id on card_version (title_source_id)
                where title_source_id is not null"
                .to_owned(),
            format!("alter table citation add column source_id {id} references ticket (id)"),
            "alter table citation add column resolved_at bigint".to_owned(),
            "alter table citation add column reopened_at bigint".to_owned(),
            "update citation set source_id = coalesce(case_id, (select version.solution_source_id
                from card_version version join card on card.id = version.card_id and card.version = version.version
                where card.id = citation.card_id))"
                .to_owned(),
            "update citation set resolved_at = (select case when ticket.first_resolved_at >= citation.at
                then ticket.first_resolved_at else ticket.resolved_at end
                from ticket where ticket.id = citation.ticket_id)"
                .to_owned(),
            "update citation set reopened_at = (select ticket.first_reopened_at from ticket
                where ticket.id = citation.ticket_id and ticket.first_reopened_at > citation.resolved_at
                and ticket.first_reopened_at > citation.at)"
                .to_owned(),
            "create index citation_source_id on citation (source_id) where source_id is not null".to_owned(),
            format!(
                "create table card_publication (card_id {id} not null references card (id),
                    published_at bigint not null, retired_at bigint, primary key (card_id, published_at))"
            ),
            "insert into card_publication (card_id, published_at, retired_at)
                select id, published_at, retired_at from card where published_at is not null"
                .to_owned(),
            format!(
                "create table survey_request (ticket_id {id} not null references ticket (id),
                    asked_at bigint not null, primary key (ticket_id, asked_at))"
            ),
            "create index survey_request_asked_at on survey_request (asked_at)".to_owned(),
            "insert into survey_request (ticket_id, asked_at)
                select ticket_id, asked_at from survey where asked_at is not null"
                .to_owned(),
            "drop index survey_asked_at".to_owned(),
            format!(
                "create table suggestion (ticket_id {id} not null references ticket (id),
                    case_id {id} not null references ticket (id), place integer, score integer, state text not null,
                    shown_at bigint, settled_at bigint, settled_by {id} references \"user\" (id), reason text,
                    primary key (ticket_id, case_id))"
            ),
            "create index suggestion_case_id on suggestion (case_id)".to_owned(),
            "create index suggestion_settled_at on suggestion (settled_at) where settled_at is not null".to_owned(),
            format!(
                "create table report_file (month text not null, format text not null, name text not null,
                    media_type text not null, made_at bigint not null, content {bytes} not null,
                    primary key (month, format))"
            ),
            "create table ranking (fitted_at bigint not null primary key, weights text not null,
                questions integer not null, before integer not null, after integer not null, used integer not null)"
                .to_owned(),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
