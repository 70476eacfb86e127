//! `buoy user add`.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use clap::Subcommand;
use domain::auth::commands::{check_password, hash_password};
use domain::kernel::{Error, Role};
use domain::people::model::CreateUser;
use domain::runtime::Ctx;

use crate::config::Config;
use crate::node::{CannotStart, Hands, open};

#[derive(Subcommand)]
pub enum Verb {
    /// Adds a person; reads the password from standard input.
    Add {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// REQUESTER, AGENT, SUPERVISOR, PRODUCT_MANAGER, PARTNER or ADMIN; may be given several times.
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
        /// Key of a team; may be given several times.
        #[arg(long = "team")]
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
    let password = password.trim_end_matches(['\r', '\n']);
    check_password("password", password).map_err(|refusal| CannotStart(refusal.message.en))?;
    let app = open(&config, Hands::default()).await?;
    let cx = Ctx::system(&app);
    let command = CreateUser {
        email,
        name,
        roles,
        team_keys: teams,
        skills: Vec::new(),
        products: Vec::new(),
        customer_key: customer,
        supervisor: None,
        password_hash: Some(hash_password(&cx, password).await?),
    };
    let outcome = cx.execute(&command, None).await;
    app.db.close().await;
    match outcome {
        Ok(id) => {
            println!("{id}");
            Ok(ExitCode::SUCCESS)
        }
        Err(Error::Refused(refusals)) => {
            let said: Vec<String> = refusals.into_iter().map(|refusal| refusal.message.en).collect();
            Err(CannotStart(said.join(" ")))
        }
        Err(error) => Err(error.into()),
    }
}
