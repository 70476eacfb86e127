//! The harness: a desk is a whole Buoy with its own database, real HTTP on loopback, and the clock in hand.

pub mod callers;
mod client;
mod database;
mod desk;
pub mod mailer;
pub mod partner;
pub mod process;
pub mod providers;
pub mod socket;

pub use client::{Answer, Client};
pub use database::{Database, on_postgres};
pub use desk::{Desk, attribution, start_of_time};
pub use serde_json::{Value as Json, json};

/// Longer than anything here takes on a slow machine whose disk others keep busy: what has not come by then never comes.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(300);
