//! Runtime (tier 0): what every change stands on. One [`App`] per process; one [`Ctx`] per request (who, from where);
//! one [`Tx`] per change: one transaction, one frozen `now`, events recorded in it, jobs planted in it.
//!
//! What is absent: no effect leaves the process from inside a transaction; no time comes from SQL; no writer waits for
//! the seal, the index or a subscriber; nothing is ever deleted from the log.

pub mod app;
pub mod command;
pub mod db;
pub mod drift;
pub mod feed;
pub mod jobs;
pub mod log;
pub mod shelf;
pub mod store;
pub mod tx;
pub mod vault;
pub mod worker;

pub use app::{App, AppParts, Ctx};
pub use command::{Command, Once};
pub use db::{Db, Engine};
pub use feed::Feed;
pub use log::{Audience, Cursor, Row, Side};
pub use shelf::Shelf;
pub use tx::Tx;
pub use vault::Vault;
