//! The harness: a desk is a whole Buoy with its own database, real HTTP on loopback, and the clock in hand.

mod client;
mod database;
mod desk;
pub mod process;
pub mod providers;
pub mod socket;

pub use client::{Answer, Client};
pub use database::{Database, on_postgres};
pub use desk::{Desk, attribution, start_of_time};
pub use serde_json::{Value as Json, json};
