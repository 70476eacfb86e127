//! The binary `buoy`: configuration, HTTP, GraphQL, workers, adapters to the outside.
//!
//! Resolvers and handlers only translate: what is decided is decided in `domain`.

pub mod channels;
pub mod cli;
pub mod config;
mod export;
pub mod graphql;
pub mod http;
pub mod language;
pub mod mail;
pub mod node;
mod report;
pub mod transport;
