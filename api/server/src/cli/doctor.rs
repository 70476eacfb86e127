//! `buoy doctor`: checks the installation and suggests remedies.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use domain::calendar;

use super::control::request;
use super::protocol::{Finding, Request, Response};
use crate::config::Config;
use crate::node::StartupError;
use crate::variables;

#[derive(Args)]
pub struct Doctor {
    /// Retries jobs that failed too often.
    #[arg(long)]
    retry_buried: bool,
}

/// Written and deleted again to test the data folder.
const PROBE_BYTES: usize = 1 << 20;

pub async fn run(config: Config, Doctor { retry_buried }: Doctor) -> Result<ExitCode, StartupError> {
    let mut findings = vec![Finding::healthy(format!(
        "the configuration is valid; the organisation's time zone is {}",
        config.settings::<calendar::model::Settings>().time_zone
    ))];
    findings.extend(check_variables());
    findings.extend(check_data_dir(&config));
    findings.push(check_encoder(&config));
    let mut examined = Err("the checks ended without a result".to_owned());
    let outcome = request(&config, Request::Doctor { retry_buried }, None, |response| match response {
        Response::Examined(found) => examined = Ok(found),
        Response::Failed(reason) => examined = Err(reason),
        _ => {}
    })
    .await;
    match outcome.map_err(|StartupError(reason)| reason).and(examined) {
        Ok(found) => findings.extend(found),
        Err(reason) => findings.push(Finding::problem("Buoy cannot open its database or its data folder", reason)),
    }
    // What to set up comes first.
    findings.sort_by_key(|finding| !finding.is_setup);
    for Finding { what, remedy, is_setup } in &findings {
        match remedy {
            None => println!("ok    {what}"),
            Some(remedy) if *is_setup => println!("TODO  {what}\n      → {remedy}"),
            Some(remedy) => println!("FAIL  {what}\n      → {remedy}"),
        }
    }
    Ok(exit_code(&findings))
}

/// The exit code if nothing is broken, but the installation is not set up yet.
const NOT_SET_UP: u8 = 3;

fn exit_code(findings: &[Finding]) -> ExitCode {
    let mut left = findings.iter().filter(|finding| finding.remedy.is_some()).peekable();
    if left.peek().is_none() {
        ExitCode::SUCCESS
    } else if left.all(|finding| finding.is_setup) {
        ExitCode::from(NOT_SET_UP)
    } else {
        ExitCode::FAILURE
    }
}

/// Environment variables that look like settings.
fn check_variables() -> impl Iterator<Item = Finding> {
    variables::unknown().into_iter().map(|variable| {
        Finding::problem(variable.to_string(), "correct its name, or unset it (`buoy config` prints every key)")
    })
}

/// Nothing fails without an encoder: similar cases are then found by terms only.
fn check_encoder(config: &Config) -> Finding {
    let Some(folder) = config.model_dir() else {
        return Finding::healthy(
            "no sentence encoder: similar cases are found by terms only (run `make model` and set BUOY_MODEL_DIR)",
        );
    };
    match embedding::Model::open(&folder) {
        Ok(model) => {
            Finding::healthy(format!("the sentence encoder in {} has the digest {}", folder.display(), model.digest()))
        }
        Err(error) => Finding::problem(
            format!("the sentence encoder cannot be loaded, similar cases are found by terms only: {error}"),
            "`make model` downloads it to target/model; BUOY_MODEL_DIR names its folder",
        ),
    }
}

/// Checks that need neither database nor index.
fn check_data_dir(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let folder = config.data_dir.display();
    findings.push(match check_writable(&config.data_dir) {
        Ok(()) => Finding::healthy(format!("the data folder {folder} is writable")),
        Err(e) => Finding::problem(
            format!("{PROBE_BYTES} bytes cannot be written to the data folder {folder}: {e}"),
            "free some space, or make the user that runs Buoy the owner of the folder (BUOY_DATA_DIR names it)",
        ),
    });
    findings.extend(check_private(&config.data_dir));
    let key = config.master_key_file();
    findings.push(match std::fs::metadata(&key) {
        Ok(meta) if meta.permissions().mode() & 0o077 == 0 => {
            Finding::healthy(format!("only the owner can read {}", key.display()))
        }
        Ok(_) => Finding::problem(
            format!("other users can read the master key {0}", key.display()),
            format!("chmod 600 {}", key.display()),
        ),
        Err(_) => Finding::healthy(format!("{} will be created on first start", key.display())),
    });
    findings
}

/// Older versions created the folder and the database as the shell's umask said.
fn check_private(data_dir: &Path) -> Option<Finding> {
    let is_open = |path: &Path| std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
    is_open(data_dir).then(|| {
        Finding::problem(
            format!("other users of this machine can read the data folder {}", data_dir.display()),
            format!("chmod -R go= {}; do the same with backups", data_dir.display()),
        )
    })
}

fn check_writable(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("doctor.probe");
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.sync_all()
    });
    let _ = std::fs::remove_file(&path);
    written
}
