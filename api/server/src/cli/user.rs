//! `buoy user add`.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use clap::Subcommand;
use domain::kernel::Role;

use super::control::request;
use super::protocol::{Request, Response};
use crate::config::Config;
use crate::node::StartupError;

#[derive(Subcommand)]
pub enum Command {
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

pub async fn run(config: Config, command: Command) -> Result<ExitCode, StartupError> {
    let Command::Add { email, name, roles, teams, customer } = command;
    let roles = roles
        .iter()
        .map(|name| name.parse::<Role>().map_err(|_| StartupError(format!("--role: {name:?} is not a role"))))
        .collect::<Result<Vec<_>, _>>()?;
    if std::io::stdin().is_terminal() {
        eprint!("Password: ");
    }
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password).map_err(|e| StartupError(format!("standard input: {e}")))?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let mut outcome = Err("adding the user ended without a result".to_owned());
    request(
        &config,
        Request::AddUser { email, name, roles, teams, customer, password },
        None,
        |response| match response {
            Response::UserAdded(id) => outcome = Ok(id),
            Response::Failed(reason) => outcome = Err(reason),
            _ => {}
        },
    )
    .await?;
    println!("{}", outcome.map_err(StartupError)?);
    Ok(ExitCode::SUCCESS)
}
