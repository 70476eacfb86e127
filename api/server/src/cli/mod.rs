//! The command line.

mod audit;
mod backup;
mod control;
pub mod demo;
mod doctor;
mod eval;
mod import;
mod installation;
mod protocol;
mod serve;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::node::StartupError;
use crate::variables;

/// Buoy (浮标): a ticket system in which nothing sinks.
#[derive(Parser)]
#[command(name = "buoy", version)]
struct Cli {
    /// A configuration file that overrides the defaults (`buoy config` prints them with comments).
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Migrates the database, then serves API, web app and workers.
    Serve {
        /// Fills an empty data folder with demo data first; listens on loopback only.
        #[arg(long)]
        demo: bool,
    },
    /// Runs a worker for jobs, without HTTP; needs PostgreSQL.
    Work,
    /// Imports tickets and their history from another system.
    Import(import::Import),
    /// Manages user accounts.
    User {
        #[command(subcommand)]
        command: user::Command,
    },
    /// Verifies the event log.
    Audit {
        #[command(subcommand)]
        command: audit::Command,
    },
    /// Copies the whole database into a new folder, while the server runs.
    Backup {
        /// The folder to create; it must not exist.
        folder: PathBuf,
    },
    /// Restores a backup into an empty database of either engine.
    Restore(backup::Restore),
    /// Measures the recommendations on a labelled data set.
    Eval(eval::Eval),
    /// Checks this installation and suggests a remedy for each problem.
    Doctor(doctor::Doctor),
    /// Prints the GraphQL schema.
    Schema,
    /// Prints the default configuration with a description of every key.
    Config,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    // What Buoy writes (database, index, backups, rejected rows) is readable by its owner only.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = Cli::parse();
    match &cli.command {
        Command::Schema => {
            println!("{}", graphql::sdl());
            return ExitCode::SUCCESS;
        }
        Command::Config => {
            print!("{}", crate::variables::DEFAULT);
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let outcome = Config::load(cli.config.as_deref()).map_err(StartupError).and_then(|config| {
        init_logging(&config);
        for variable in variables::unknown() {
            tracing::warn!("{variable}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| StartupError(format!("the asynchronous runtime cannot be started: {e}")))?;
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

async fn run(command: Command, config: Config) -> Result<ExitCode, StartupError> {
    match command {
        Command::Serve { demo } => serve::serve(config, demo).await,
        Command::Import(args) => import::run(config, args).await,
        Command::User { command } => user::run(config, command).await,
        Command::Work => serve::work(config).await,
        Command::Audit { command } => audit::run(config, command).await,
        Command::Backup { folder } => backup::backup(config, folder).await,
        Command::Restore(args) => backup::restore(config, args).await,
        Command::Eval(args) => eval::run(&config, &args),
        Command::Doctor(args) => doctor::run(config, args).await,
        Command::Schema | Command::Config => Ok(ExitCode::SUCCESS),
    }
}

/// Logs go to stderr: stdout belongs to the command.
fn init_logging(config: &Config) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|e| {
        eprintln!("buoy: log: {e}; logging info");
        EnvFilter::new("info")
    });
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = if config.log_json { subscriber.json().try_init() } else { subscriber.try_init() };
    if let Err(e) = result {
        eprintln!("buoy: log lines cannot be written: {e}");
    }
}
