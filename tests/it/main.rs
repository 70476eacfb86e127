//! All integration tests. They run on SQLite, and on PostgreSQL if BUOY_TEST_DATABASE_URL names a server
//! (`make test` runs both).

mod addresses;
mod audience;
mod authz;
mod backup;
mod bad_input;
mod boxed;
mod channels;
mod circles;
mod contacts;
mod corrections;
mod crash_durability;
mod crash_recovery;
mod deprecated_fields;
mod dispatch;
mod documents;
mod escalation;
mod event_log;
mod events;
mod gateways;
mod hub;
mod import;
mod incoming_mail;
mod installation;
mod intake;
mod knowledge;
mod knowledge_gaps;
mod lifecycle;
mod live;
mod metrics;
mod named_paths;
mod network_limits;
mod quarantine;
mod redaction;
mod reference_figures;
mod references;
mod reports;
mod routes;
mod satisfaction;
mod scope;
mod semantic_search;
mod sessions;
mod sign_in;
mod similar;
mod sockets;
mod specification;
mod status_reports;
mod strings;
mod suggestions;
mod systems;
mod text_search;
mod texts;
mod tidy;
mod written_cards;

/// The path of the program under test.
const PROGRAM: tests::process::Program = env!("CARGO_BIN_EXE_buoy-under-test");
