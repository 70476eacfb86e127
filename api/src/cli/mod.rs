//! The command line: `buoy serve`, `work`, `import`, `user add`, `schema`, `doctor`, `audit verify`.

mod control;
pub mod demo;
mod import;
mod serve;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::node::CannotStart;

/// Buoy (浮标): a ticket system in which nothing sinks.
#[derive(Parser)]
#[command(name = "buoy", version)]
struct Cli {
    /// A configuration file over the default (`buoy config` prints the default with its comments).
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Migrates the database, then serves API, web app and workers.
    Serve {
        /// Fills an empty data folder with demo data first; listens on loopback only.
        #[arg(long)]
        demo: bool,
    },
    /// Imports tickets and their history from another system.
    Import(import::Import),
    /// People.
    User {
        #[command(subcommand)]
        verb: user::Verb,
    },
    /// The event log.
    Audit {
        #[command(subcommand)]
        verb: AuditVerb,
    },
    /// Prints the GraphQL schema.
    Schema,
    /// Prints the default configuration, every key with its meaning.
    Config,
}

#[derive(Subcommand)]
enum AuditVerb {
    /// Checks digests and seals, and reports the unsealed tail.
    Verify,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match &cli.command {
        Verb::Schema => {
            println!("{}", crate::graphql::sdl());
            return ExitCode::SUCCESS;
        }
        Verb::Config => {
            print!("{}", crate::config::DEFAULT);
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let outcome = Config::load(cli.config.as_deref()).map_err(CannotStart).and_then(|config| {
        trace(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| CannotStart(format!("the asynchronous runtime does not start: {e}")))?;
        runtime.block_on(run(cli.command, config))
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("buoy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(verb: Verb, config: Config) -> Result<ExitCode, CannotStart> {
    match verb {
        Verb::Serve { demo } => serve::serve(config, demo).await,
        Verb::Import(args) => import::run(config, args).await,
        Verb::User { verb } => user::run(config, verb).await,
        Verb::Audit { verb: AuditVerb::Verify } => audit_verify(config).await,
        Verb::Schema | Verb::Config => Ok(ExitCode::SUCCESS),
    }
}

/// Log lines go to the error stream: what a command prints is its own.
fn trace(config: &Config) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|e| {
        eprintln!("buoy: log: {e}; logging info");
        EnvFilter::new("info")
    });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = if config.log_json { lines.json().try_init() } else { lines.try_init() };
    if let Err(e) = set {
        eprintln!("buoy: log lines cannot be written: {e}");
    }
}

async fn audit_verify(config: Config) -> Result<ExitCode, CannotStart> {
    let mut verified = None;
    control::request(&config, control::Request::VerifyAudit, None, |answer| match answer {
        control::Answer::Verified(report) => verified = Some(Ok(report)),
        control::Answer::Failed(reason) => verified = Some(Err(CannotStart(reason))),
        control::Answer::Verifying(rows) => tracing::info!(rows, "verifying"),
        _ => {}
    })
    .await?;
    let report = verified.unwrap_or_else(|| Err(CannotStart("verifying ended without a result".to_owned())))?;
    println!("{} events, {} seals, {} events not sealed yet", report.rows, report.seals, report.unsealed);
    for fault in &report.faults {
        println!("FAULT: {fault}");
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
