//! `buoy audit verify`.

use std::process::ExitCode;

use clap::Subcommand;
use domain::audit::queries::Report;

use super::control::request;
use super::protocol::{Request, Response};
use crate::config::Config;
use crate::node::StartupError;

#[derive(Subcommand)]
pub enum Command {
    /// Checks digests and seals, and reports the unsealed tail.
    Verify,
}

pub async fn run(config: Config, Command::Verify: Command) -> Result<ExitCode, StartupError> {
    let mut outcome = Err(StartupError("the verification ended without a result".to_owned()));
    request(&config, Request::VerifyAudit, None, |response| match response {
        Response::Verified(report) => outcome = Ok(report),
        Response::Failed(reason) => outcome = Err(StartupError(reason)),
        Response::Verifying(rows) => tracing::info!(rows, "verifying"),
        _ => {}
    })
    .await?;
    Ok(print(&outcome?))
}

pub fn print(report: &Report) -> ExitCode {
    println!("{} events, {} seals, {} events not sealed yet", report.rows, report.seals, report.unsealed);
    for fault in &report.faults {
        println!("FAULT: {fault}");
    }
    if report.is_intact() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
