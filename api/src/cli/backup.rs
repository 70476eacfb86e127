//! `buoy backup` and `buoy restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use domain::backup::commands::{manifest, opens, restore as restore_into};
use domain::backup::model::{Copied, Copying, Manifest, Secrets};
use domain::kernel::id::uuid_v7;
use domain::runtime::{Vault, log};
use indicatif::{ProgressBar, ProgressStyle};

use super::audit;
use super::control::{Answer, Request, hold, request};
use crate::config::Config;
use crate::node::{CannotStart, Hands, open, open_database};

pub async fn backup(config: Config, folder: PathBuf) -> Result<ExitCode, CannotStart> {
    let to = std::path::absolute(&folder).map_err(|e| CannotStart(format!("{}: {e}", folder.display())))?;
    let bar = bar();
    let mut outcome = Err(CannotStart("the backup ended without a result".to_owned()));
    request(&config, Request::Backup { to: to.clone() }, None, |answer| match answer {
        Answer::Copying(copying) => show(&bar, &copying),
        Answer::BackedUp(copied) => outcome = Ok(copied),
        Answer::Failed(reason) => outcome = Err(CannotStart(reason)),
        _ => {}
    })
    .await?;
    bar.finish_and_clear();
    let Copied { tables, rows } = outcome?;
    println!("{rows} rows of {tables} tables are in {}", to.display());
    println!("The master key is not in it: keep a copy of {} elsewhere.", config.master_key_file().display());
    Ok(ExitCode::SUCCESS)
}

#[derive(Args)]
pub struct Restore {
    /// A folder that `buoy backup` made.
    folder: PathBuf,
    /// The master key is lost: sealed secrets and the log's seals are left behind and begin anew.
    #[arg(long)]
    without_key: bool,
}

pub async fn restore(config: Config, args: Restore) -> Result<ExitCode, CannotStart> {
    let Restore { folder, without_key } = args;
    let _held = hold(&config.data_dir)?;
    let manifest = manifest(&folder)?;
    let hands = Hands::default();
    let secrets = if without_key { Secrets::Forget } else { own_key(&config, &manifest, &hands)? };
    let db = open_database(&config, |connection| {
        let wanted = manifest.migrations.clone();
        Box::pin(async move { migrations::migrate_to(&connection, &wanted).await })
    })
    .await?;
    let epoch = log::new_epoch(uuid_v7(hands.clock.now(), &*hands.chance));
    let bar = bar();
    let copied = restore_into(&db, &folder, &manifest, secrets, &epoch, |copying| show(&bar, &copying)).await;
    bar.finish_and_clear();
    db.close().await;
    let Copied { tables, rows } = copied?;
    println!("{rows} rows of {tables} tables are back, as of {}", manifest.taken_at);
    let app = open(&config, hands).await?;
    let report = domain::audit::queries::verify(&app, |_| {}).await?;
    app.db.close().await;
    println!("Everybody signs in anew; the search index is built when the server starts.");
    Ok(audit::print(&report))
}

/// A key that does not fit would make a database whose secrets nobody can read.
fn own_key(config: &Config, manifest: &Manifest, hands: &Hands) -> Result<Secrets, CannotStart> {
    let file = config.master_key_file();
    let fits = file.exists()
        && opens(
            manifest,
            &Vault::open(&file, &*hands.chance).map_err(|e| CannotStart(format!("{}: {e}", file.display())))?,
        );
    if fits {
        return Ok(Secrets::Keep);
    }
    Err(CannotStart(format!(
        "{} is not the master key of this backup: copy that key there, or, if it is lost, add --without-key",
        file.display()
    )))
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:20} {bar:32} {pos} of {len} rows");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, copying: &Copying) {
    let Copying { table, rows, of } = copying;
    bar.set_length(*of);
    bar.set_message(table.clone());
    bar.set_position(*rows);
}
