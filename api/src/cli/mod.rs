//! The command line.

mod audit;
mod backup;
mod control;
pub mod demo;
mod doctor;
mod eval;
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
    /// Runs jobs beside the servers of a PostgreSQL database, without HTTP.
    Work,
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
        verb: audit::Verb,
    },
    /// Copies the whole database into a new folder, while the server works.
    Backup {
        /// The folder to make; it must not exist.
        folder: PathBuf,
    },
    /// Fills an empty database, of either engine, from a backup.
    Restore(backup::Restore),
    /// Measures the recommendations on a labelled set.
    Eval(eval::Eval),
    /// Says how this installation is, and what to do where it is not well.
    Doctor(doctor::Doctor),
    /// Prints the GraphQL schema.
    Schema,
    /// Prints the default configuration, every key with its meaning.
    Config,
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
        Verb::Work => serve::work(config).await,
        Verb::Audit { verb } => audit::run(config, verb).await,
        Verb::Backup { folder } => backup::backup(config, folder).await,
        Verb::Restore(args) => backup::restore(config, args).await,
        Verb::Eval(args) => eval::run(&config, &args),
        Verb::Doctor(args) => doctor::run(config, args).await,
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
