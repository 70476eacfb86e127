//! The harness: a desk is a whole server with its own database, HTTP on loopback and a manual clock.

mod client;
mod database;
mod desk;
pub mod gateway_requests;
pub mod partner;
pub mod process;
pub mod providers;
pub mod smtp_client;
pub mod socket;

pub use client::{Client, Response};
pub use database::{Database, on_postgres};
pub use desk::{Desk, attribution, start_time};
pub use serde_json::{Value as Json, json};

/// The timeout of every wait: longer than anything takes on a slow machine with a busy disk.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(300);
