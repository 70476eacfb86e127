//! `buoy backup` and `buoy restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use domain::backup::commands::{key_matches, manifest, restore as restore_into};
use domain::backup::model::{CopyProgress, CopySummary, Manifest, Secrets};
use domain::kernel::id::uuid_v7;
use domain::runtime::{Vault, log};
use indicatif::{ProgressBar, ProgressStyle};

use super::audit;
use super::control::{lock_data_dir, request};
use super::protocol::{Request, Response};
use crate::config::Config;
use crate::node::{Environment, StartupError, open, open_database};

pub async fn backup(config: Config, folder: PathBuf) -> Result<ExitCode, StartupError> {
    let to = std::path::absolute(&folder).map_err(|e| StartupError(format!("{}: {e}", folder.display())))?;
    let bar = progress_bar();
    let mut outcome = Err(StartupError("the backup ended without a result".to_owned()));
    request(&config, Request::Backup { to: to.clone() }, None, |response| match response {
        Response::Copying(copying) => show_progress(&bar, &copying),
        Response::BackedUp(copied) => outcome = Ok(copied),
        Response::Failed(reason) => outcome = Err(StartupError(reason)),
        _ => {}
    })
    .await?;
    bar.finish_and_clear();
    let CopySummary { tables, rows } = outcome?;
    println!("backed up {rows} rows of {tables} tables to {}", to.display());
    println!(
        "The backup does not contain the master key: keep a copy of {} elsewhere.",
        config.master_key_file().display()
    );
    Ok(ExitCode::SUCCESS)
}

#[derive(Args)]
pub struct Restore {
    /// A folder created by `buoy backup`.
    folder: PathBuf,
    /// For a lost master key: drops encrypted secrets and the seals of the event log, and starts new ones.
    #[arg(long)]
    without_key: bool,
}

pub async fn restore(config: Config, args: Restore) -> Result<ExitCode, StartupError> {
    let Restore { folder, without_key } = args;
    let _lock = lock_data_dir(&config.data_dir)?;
    let manifest = manifest(&folder)?;
    let environment = Environment::default();
    let secrets = if without_key { Secrets::Discard } else { check_master_key(&config, &manifest, &environment)? };
    let db = open_database(&config, |connection| {
        let wanted = manifest.migrations.clone();
        Box::pin(async move { migrations::migrate_to(&connection, &wanted).await })
    })
    .await?;
    let epoch = log::new_epoch(uuid_v7(environment.clock.now(), &*environment.entropy));
    let bar = progress_bar();
    let copied = restore_into(&db, &folder, &manifest, secrets, &epoch, |copying| show_progress(&bar, &copying)).await;
    bar.finish_and_clear();
    db.close().await;
    let CopySummary { tables, rows } = copied?;
    println!("restored {rows} rows of {tables} tables, as of {}", manifest.taken_at);
    let app = open(&config, environment).await?;
    let report = domain::audit::queries::verify(&app, |_| {}).await?;
    app.db.close().await;
    println!("All users must sign in again; the search index is rebuilt when the server starts.");
    Ok(audit::print(&report))
}

/// The restored secrets can only be decrypted with the key of the backup.
fn check_master_key(config: &Config, manifest: &Manifest, environment: &Environment) -> Result<Secrets, StartupError> {
    let file = config.master_key_file();
    let matches = file.exists()
        && key_matches(
            manifest,
            &Vault::open(&file, &*environment.entropy).map_err(|e| StartupError(format!("{}: {e}", file.display())))?,
        );
    if matches {
        return Ok(Secrets::Keep);
    }
    Err(StartupError(format!(
        "{} is not the master key of this backup: copy the right key there, or use --without-key if it is lost",
        file.display()
    )))
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:20} {bar:32} {pos} of {len} rows");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show_progress(bar: &ProgressBar, copying: &CopyProgress) {
    let CopyProgress { table, rows, of } = copying;
    bar.set_length(*of);
    bar.set_message(table.clone());
    bar.set_position(*rows);
}
