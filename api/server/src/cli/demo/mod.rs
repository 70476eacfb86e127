//! Generates demo data for `buoy serve --demo`: ninety days of a help desk, created by the ordinary commands on a
//! manual clock.

mod contacts;
mod scenarios;
mod systems;
mod timeline;

use std::path::Path;
use std::sync::Arc;

use domain::auth::commands::open_session;
use domain::kernel::id::OsEntropy;
use domain::kernel::{Clock as _, ManualClock, Role, SystemClock, Timestamp, days};
use domain::people::commands::{lock_known_passwords, unlock_known_passwords};
use domain::people::queries::{has_users, user_by_email};
use domain::runtime::{App, Ctx};
use graphql::DemoAccounts;
use indicatif::{ProgressBar, ProgressStyle};

use self::scenarios::Scenarios;
use self::timeline::Timeline;
use crate::config::Config;
use crate::node::{Environment, StartupError, open};

/// The password of every demo account.
pub const PASSWORD: &str = "buoy-demo";
/// The e-mail domain of every demo account; it exists nowhere else.
pub const DOMAIN: &str = "demo.test";
/// Days that the demo data covers.
const DAYS: u64 = 90;
/// Marks a data folder whose demo data is incomplete.
const MARKER_FILE: &str = "demo.unfinished";

/// The demo accounts for sign-in.
pub fn accounts() -> DemoAccounts {
    DemoAccounts { emails: demo_emails(), password: PASSWORD.to_owned() }
}

fn demo_emails() -> Vec<String> {
    let agents = (1..=5).map(|n| format!("agent{n}"));
    let others = ["admin", "supervisor", "pm", "requester"].map(str::to_owned);
    others.into_iter().chain(agents).map(|login| address(&login)).collect()
}

fn address(login: &str) -> String {
    format!("{login}@{DOMAIN}")
}

/// Everybody knows the password of demo accounts: where they are served as others are, nobody signs in with it.
pub async fn lock(app: &Arc<App>) -> Result<(), StartupError> {
    let locked = lock_known_passwords(&Ctx::system(app), DOMAIN, PASSWORD).await?;
    if !locked.is_empty() {
        let emails = locked.into_iter().map(|user| user.email).collect::<Vec<_>>().join(", ");
        tracing::warn!(
            "this is demo data served without --demo: accounts with its publicly known password are locked until somebody sets \
             another (setPassword): {emails}"
        );
    }
    Ok(())
}

/// Unlocks what [`lock`] locked.
pub async fn unlock(app: &Arc<App>) -> Result<(), StartupError> {
    Ok(unlock_known_passwords(&Ctx::system(app), DOMAIN).await?)
}

pub fn welcome() -> String {
    format!("Demo data. Sign in as {}; the password is {PASSWORD}", demo_emails().join(", "))
}

/// Fills an empty data folder; does nothing if it is already filled.
pub async fn fill(config: &Config) -> Result<(), StartupError> {
    let marker = config.data_dir.join(MARKER_FILE);
    if marker.exists() {
        return Err(StartupError(format!(
            "{} contains incomplete demo data: remove the folder and start again",
            config.data_dir.display()
        )));
    }
    #[expect(clippy::disallowed_methods, reason = "the demo's history ends today")]
    let now = SystemClock::of_machine().now();
    let clock = Arc::new(ManualClock::at(now - days(DAYS)));
    let app = open(config, Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy) }).await?;
    let outcome = fill_empty(&app, &clock, now, config, &marker).await;
    app.db.close().await;
    outcome
}

async fn fill_empty(
    app: &Arc<App>,
    clock: &ManualClock,
    now: Timestamp,
    config: &Config,
    marker: &Path,
) -> Result<(), StartupError> {
    if has_users(app.db.read()).await? {
        let admin = user_by_email(app.db.read(), &address("admin")).await?;
        return if admin.is_some() {
            Ok(())
        } else {
            Err(StartupError(format!(
                "{} contains data that is not demo data: start without --demo, or set BUOY_DATA_DIR to another folder",
                config.data_dir.display()
            )))
        };
    }
    let io_error = |e: std::io::Error| StartupError(format!("{}: {e}", marker.display()));
    std::fs::write(marker, "").map_err(io_error)?;
    let scenarios = Scenarios::read()?;
    let timeline = Timeline::generate(&scenarios, now - days(DAYS), now, &config.zone());
    let bar = ProgressBar::new(timeline.len() as u64);
    let style = ProgressStyle::with_template("demo data {bar:32} {percent:>3}% · {msg} · {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("{} tickets of the past {DAYS} days", timeline.tickets()));
    let outcome = timeline.play(app, clock, &scenarios, |done| bar.set_position(done as u64)).await;
    bar.finish_and_clear();
    outcome?;
    sign_in_agents(app, &scenarios).await?;
    systems::report_statuses(app, clock).await?;
    contacts::write(app).await?;
    std::fs::remove_file(marker).map_err(io_error)
}

/// All agents were here today: without a sender of messages, dispatch reaches nobody else.
async fn sign_in_agents(app: &Arc<App>, scenarios: &Scenarios) -> Result<(), StartupError> {
    for agent in scenarios.people_with_role(Role::Agent) {
        let Some(user) = user_by_email(app.db.read(), &address(&agent.login)).await? else { continue };
        let mut tx = Ctx::system(app).begin().await?;
        open_session(&mut tx, user.id).await?;
        tx.commit().await?;
    }
    Ok(())
}
