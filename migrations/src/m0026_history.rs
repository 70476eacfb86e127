//! Monthly reports are provisional or final; clock offsets count only by the time of sending; what an imported history says of causes and
//! solutions without a whole attribution.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0026_history"
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
            // Reports that were made an hour into the next month: they are made again.
            "alter table report_file add column is_final boolean not null default false".to_owned(),
            // Measured by late reports, perhaps.
            "update partner_system set clock_offset_millis = null, clock_seen_at = null".to_owned(),
            format!(
                "create table source_solution (ticket_id {id} not null primary key references ticket (id), body text not null)"
            ),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
