//! Runtime (tier 0): the base of every change. One [`App`] per process; one [`Ctx`] per request (actor, channel); one
//! [`Tx`] per change: one transaction with one frozen `now`, which records events and schedules jobs.
//!
//! Invariants: no effect leaves the process from inside a transaction; no time comes from SQL; no writer waits for the
//! seal, the index or a subscriber; nothing is ever deleted from the log.

pub mod app;
pub mod clock_monitor;
pub mod command;
pub mod db;
pub mod enricher;
pub mod event;
pub mod feed;
pub mod jobs;
pub mod log;
pub mod lookup_cache;
pub mod module;
pub mod ports;
pub(crate) mod row;
pub mod settings;
pub mod store;
pub mod sweep;
pub mod tx;
pub mod vault;
pub mod versioned;
mod wakeups;
pub mod worker;

pub use app::{App, AppParts, Ctx};
pub use clock_monitor::ClockJumped;
pub use command::{Command, IdempotencyKey};
pub use db::{Db, Engine, Executor};
pub use enricher::MessageEnricher;
pub use event::{AnyEvent, EventType, LogEvent};
pub use feed::Feed;
pub use log::{Audience, Cursor, Row, Side};
pub use lookup_cache::LookupCache;
pub use module::{Module, Modules};
pub use settings::ConfigSection;
pub use tx::Tx;
pub use vault::Vault;
