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
