//! The schema's history, for SQLite and PostgreSQL. Expand, then move, then contract: a released migration is never
//! edited. Columns of ids are 16 bytes, instants are integers on both engines: milliseconds, and microseconds where reports of
//! other systems are ordered by them (`status_report.at`, `hub_ticket.changed_at`).

use sea_orm_migration::prelude::*;

mod m0001_spine;
mod m0002_metrics;
mod m0003_lists;
mod m0004_calendar;
mod m0005_duty;
mod m0006_sla;
mod m0007_lanes;
mod m0008_notifications;
mod m0009_dispatch;
mod m0010_escalation;
mod m0011_meaning;
mod m0012_knowledge;
mod m0013_reuse;
mod m0014_devices;
mod m0015_hub;
mod m0016_intake;
mod m0017_watch;
mod m0018_addresses;
mod m0019_reports;
mod m0020_sessions;
mod m0021_source_history;
mod m0022_send_window;
mod m0023_contacts;
mod m0024_raw_mail;
mod m0025_routing;
mod m0026_history;

pub use sea_orm_migration::MigratorTrait;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_spine::Migration),
            Box::new(m0002_metrics::Migration),
            Box::new(m0003_lists::Migration),
            Box::new(m0004_calendar::Migration),
            Box::new(m0005_duty::Migration),
            Box::new(m0006_sla::Migration),
            Box::new(m0007_lanes::Migration),
            Box::new(m0008_notifications::Migration),
            Box::new(m0009_dispatch::Migration),
            Box::new(m0010_escalation::Migration),
            Box::new(m0011_meaning::Migration),
            Box::new(m0012_knowledge::Migration),
            Box::new(m0013_reuse::Migration),
            Box::new(m0014_devices::Migration),
            Box::new(m0015_hub::Migration),
            Box::new(m0016_intake::Migration),
            Box::new(m0017_watch::Migration),
            Box::new(m0018_addresses::Migration),
            Box::new(m0019_reports::Migration),
            Box::new(m0020_sessions::Migration),
            Box::new(m0021_source_history::Migration),
            Box::new(m0022_send_window::Migration),
            Box::new(m0023_contacts::Migration),
            Box::new(m0024_raw_mail::Migration),
            Box::new(m0025_routing::Migration),
            Box::new(m0026_history::Migration),
        ]
    }
}

/// What stands between this program and a database.
#[derive(Debug)]
pub enum Mismatch {
    /// The database was written by a newer program: names of the migrations that this one does not know.
    Newer(Vec<String>),
    Failed(DbErr),
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newer(names) => write!(
                f,
                "the database was written by a newer version of Buoy (it knows {}): run that version, or restore a backup",
                names.join(", ")
            ),
            Self::Failed(error) => write!(f, "the database cannot be migrated: {error}"),
        }
    }
}

impl std::error::Error for Mismatch {}

impl From<DbErr> for Mismatch {
    fn from(error: DbErr) -> Self {
        Self::Failed(error)
    }
}

/// Every table, parents before children: the order in which rows can be written back.
pub const TABLES: [&str; 74] = [
    "event_log",
    "log_seal",
    "meta",
    "job",
    "idempotency_key",
    "user",
    "team",
    "user_team",
    "user_skill",
    "user_product",
    "customer",
    "catalogue_entry",
    "password",
    "session",
    "signing_key",
    "sign_in_throttle",
    "known_device",
    "ticket",
    "attribution",
    "source_solution",
    "external_ref",
    "comment",
    "ticket_participant",
    "ticket_open",
    "ticket_import",
    "product_release",
    "release_fix",
    "calendar",
    "absence",
    "delegation",
    "sla_policy",
    "sla_clock",
    "notification",
    "notification_delivery",
    "terminal",
    "address_code",
    "channel_activity",
    "notification_preference",
    "send_window",
    "dispatch",
    "agent_load",
    "escalation_policy",
    "escalation",
    "ticket_vector",
    "vector_progress",
    "occurrence",
    "card",
    "card_version",
    "card_case",
    "card_publication",
    "citation",
    "survey",
    "survey_request",
    "suggestion",
    "ranking",
    "report_file",
    "api_key",
    "partner_system",
    "status_word",
    "webhook_secret",
    "hub_ticket",
    "status_report",
    "hub_holding",
    "correction",
    "hub_difference",
    "credential",
    "credential_secret",
    "submission",
    "raw_submission",
    "canary",
    "quarantined_submission",
    "quarantined_payload",
    "channel_message",
    "ticket_link",
];

/// The migrations of this program, in their order.
pub fn names() -> Vec<String> {
    Migrator::migrations().iter().map(|m| m.name().to_owned()).collect()
}

/// Brings an empty database to the schema that had these migrations, for a restore; refuses what this program does not
/// know.
pub async fn migrate_to(db: &sea_orm::DatabaseConnection, wanted: &[String]) -> Result<(), Mismatch> {
    let known = names();
    if !known.starts_with(wanted) {
        return Err(Mismatch::Newer(wanted.iter().filter(|name| !known.contains(name)).cloned().collect()));
    }
    Migrator::install(db).await?;
    let applied = seaql_migrations::Entity::find().all(db).await?.len();
    let pending = <u32 as TryFrom<usize>>::try_from(wanted.len().saturating_sub(applied)).unwrap_or(0);
    if pending > 0 {
        Migrator::up(db, Some(pending)).await?;
    }
    Ok(())
}

/// Brings the database to this program's schema; refuses one that is newer. Returns how many migrations ran.
pub async fn migrate(db: &sea_orm::DatabaseConnection) -> Result<usize, Mismatch> {
    let known = names();
    Migrator::install(db).await?;
    let applied = seaql_migrations::Entity::find().all(db).await?;
    let newer: Vec<String> =
        applied.iter().map(|row| row.version.clone()).filter(|version| !known.contains(version)).collect();
    if !newer.is_empty() {
        return Err(Mismatch::Newer(newer));
    }
    let pending = known.len() - applied.len();
    if pending > 0 {
        Migrator::up(db, None).await?;
    }
    Ok(pending)
}

use sea_orm::EntityTrait;
use sea_orm_migration::{sea_orm, seaql_migrations};
