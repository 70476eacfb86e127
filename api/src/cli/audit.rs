//! `buoy audit verify`.

use std::process::ExitCode;

use clap::Subcommand;
use domain::audit::queries::Report;

use super::control::{Answer, Request, request};
use crate::config::Config;
use crate::node::CannotStart;

#[derive(Subcommand)]
pub enum Verb {
    /// Checks digests and seals, and reports the unsealed tail.
    Verify,
}

pub async fn run(config: Config, Verb::Verify: Verb) -> Result<ExitCode, CannotStart> {
    let mut outcome = Err(CannotStart("verifying ended without a result".to_owned()));
    request(&config, Request::VerifyAudit, None, |answer| match answer {
        Answer::Verified(report) => outcome = Ok(report),
        Answer::Failed(reason) => outcome = Err(CannotStart(reason)),
        Answer::Verifying(rows) => tracing::info!(rows, "verifying"),
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
    if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
