//! Every test of the running program. Runs on SQLite, and on PostgreSQL where BUOY_TEST_DATABASE_URL names a server
//! (`make test` does both).

mod bad_input;
mod event_log;
mod lifecycle;
mod live;
mod sessions;
mod similar;
