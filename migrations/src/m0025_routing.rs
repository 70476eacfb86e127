//! What issue types and products require of the engineer, the words by which a text names a product, and what a dispatch was
//! based on.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0025_routing"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [
            // JSON arrays: of objects of skill and level, and of texts.
            "alter table catalogue_entry add column required_skills text not null default '[]'",
            "alter table catalogue_entry add column aliases text not null default '[]'",
            "alter table ticket add column product_recognised_by text",
            // JSON; absent for decisions of older programs.
            "alter table dispatch add column basis text",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
