//! The binary `buoy`: configuration, HTTP, transport, command line, workers.

pub mod cli;
pub mod config;
pub mod http;
pub mod mail;
pub mod node;
pub mod transport;
pub mod variables;
