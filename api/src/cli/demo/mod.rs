//! Demo data of our own making, for `buoy serve --demo`: ninety days of a help desk, played through the same commands
//! that everybody uses, on a clock that is held.

mod scenarios;
mod story;
mod systems;

use std::path::Path;
use std::sync::Arc;

use domain::kernel::id::OsChance;
use domain::kernel::{Clock as _, ManualClock, SystemClock, Timestamp, days};
use domain::people::queries::{has_users, user_by_email};
use domain::runtime::App;
use indicatif::{ProgressBar, ProgressStyle};

use self::scenarios::Scenarios;
use self::story::Story;
use crate::config::Config;
use crate::node::{CannotStart, Hands, open};

/// The password of every demo account.
pub const PASSWORD: &str = "buoy-demo";
/// How far the story reaches back.
const DAYS: u64 = 90;
/// Stands in the data folder while it is being filled.
const UNFINISHED: &str = "demo.unfinished";

/// The accounts that a visitor may sign in with.
pub fn sign_ins() -> Vec<String> {
    let agents = (1..=5).map(|n| format!("agent{n}"));
    let others = ["admin", "supervisor", "pm", "requester"].map(str::to_owned);
    others.into_iter().chain(agents).map(|login| address(&login)).collect()
}

fn address(login: &str) -> String {
    format!("{login}@demo.test")
}

pub fn welcome() -> String {
    format!("Demo data. Sign in as {} — the password is {PASSWORD}", sign_ins().join(", "))
}

/// Fills an empty data folder; leaves one alone that was filled before.
pub async fn fill(config: &Config) -> Result<(), CannotStart> {
    let mark = config.data_dir.join(UNFINISHED);
    if mark.exists() {
        return Err(CannotStart(format!(
            "{} was left half filled with demo data: remove the folder and start again",
            config.data_dir.display()
        )));
    }
    let now = SystemClock.now();
    let clock = Arc::new(ManualClock::at(now - days(DAYS)));
    let app = open(config, Hands { clock: clock.clone(), chance: Arc::new(OsChance) }).await?;
    let outcome = fill_empty(&app, &clock, now, config, &mark).await;
    app.db.close().await;
    outcome
}

async fn fill_empty(
    app: &Arc<App>,
    clock: &ManualClock,
    now: Timestamp,
    config: &Config,
    mark: &Path,
) -> Result<(), CannotStart> {
    if has_users(app.db.read()).await? {
        let admin = user_by_email(app.db.read(), &address("admin")).await?;
        return if admin.is_some() {
            Ok(())
        } else {
            Err(CannotStart(format!(
                "{} holds data that is no demo: start without --demo, or name another folder in BUOY_DATA_DIR",
                config.data_dir.display()
            )))
        };
    }
    let in_folder = |e: std::io::Error| CannotStart(format!("{}: {e}", mark.display()));
    std::fs::write(mark, "").map_err(in_folder)?;
    let scenarios = Scenarios::read()?;
    let story = Story::tell(&scenarios, now - days(DAYS), now, &config.zone());
    let bar = ProgressBar::new(story.len() as u64);
    let style = ProgressStyle::with_template("demo data {bar:32} {percent:>3}% · {msg} · {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("{} tickets of the past {DAYS} days", story.tickets()));
    let played = story.play(app, clock, &scenarios, |done| bar.set_position(done as u64)).await;
    bar.finish_and_clear();
    played?;
    systems::speak(app, clock).await?;
    std::fs::remove_file(mark).map_err(in_folder)
}
