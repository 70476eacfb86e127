//! Every test of the running program. Runs on SQLite, and on PostgreSQL where BUOY_TEST_DATABASE_URL names a server
//! (`make test` does both).

mod authz;
mod backup;
mod bad_input;
mod channels;
mod corrections;
mod crash;
mod event_log;
mod gaps;
mod gateways;
mod hub;
mod import;
mod installation;
mod intake;
mod knowledge;
mod lifecycle;
mod live;
mod meaning;
mod metrics;
mod nothing_sinks;
mod redaction;
mod reports;
mod satisfaction;
mod scope;
mod sessions;
mod similar;
mod suggestions;
mod survives;
mod systems;
mod tidy;
mod truths;

/// The program itself.
const PROGRAM: tests::process::Program = env!("CARGO_BIN_EXE_buoy-under-test");
