//! `buoy user add`.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use clap::Subcommand;
use domain::kernel::Role;

use super::control::{Answer, Request, request};
use crate::config::Config;
use crate::node::CannotStart;

#[derive(Subcommand)]
pub enum Verb {
    /// Adds a person; reads the password from standard input.
    Add {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// REQUESTER, AGENT, SUPERVISOR, PRODUCT_MANAGER, PARTNER or ADMIN; may be given several times.
        #[arg(long = "role", required = true, num_args = 1..)]
        roles: Vec<String>,
        /// Key of a team; may be given several times.
        #[arg(long = "team", num_args = 1..)]
        teams: Vec<String>,
        /// Key of the customer organisation of a requester.
        #[arg(long)]
        customer: Option<String>,
    },
}

pub async fn run(config: Config, verb: Verb) -> Result<ExitCode, CannotStart> {
    let Verb::Add { email, name, roles, teams, customer } = verb;
    let roles = roles
        .iter()
        .map(|word| Role::parse(word).ok_or_else(|| CannotStart(format!("--role: {word:?} is no role"))))
        .collect::<Result<Vec<_>, _>>()?;
    if std::io::stdin().is_terminal() {
        eprint!("Password: ");
    }
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password).map_err(|e| CannotStart(format!("standard input: {e}")))?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let mut outcome = Err("adding the user ended without a result".to_owned());
    request(&config, Request::AddUser { email, name, roles, teams, customer, password }, None, |answer| match answer {
        Answer::UserAdded(id) => outcome = Ok(id),
        Answer::Failed(reason) => outcome = Err(reason),
        _ => {}
    })
    .await?;
    println!("{}", outcome.map_err(CannotStart)?);
    Ok(ExitCode::SUCCESS)
}
