//! The checks of `buoy doctor` that need an open installation.

use std::sync::Arc;

use domain::calendar::model::CHINA;
use domain::catalogue::model::Kind;
use domain::dispatch::model::UncoveredSkill;
use domain::kernel::{Error, Locale};
use domain::notifications::model::{Channel, Senders};
use domain::recommend::react::IndexProgress;
use domain::runtime::log::History;
use domain::runtime::{App, Ctx, Cursor, Engine, jobs, log};
use domain::{audit, calendar, dispatch, escalation, notifications, people};

use super::demo::{DOMAIN, PASSWORD};
use super::protocol::Finding;

/// A larger number would not tell operators more.
const COUNT_MAX: u64 = 10_000;
const BURIED_SHOWN: u64 = 10;
const UNCOVERED_SHOWN: usize = 10;

/// `demo`: whether demo data is served as such.
pub async fn examine(app: &Arc<App>, demo: bool, retry_buried: bool) -> Result<Vec<Finding>, Error> {
    let (conn, engine) = (app.db.read(), app.db.engine);
    let mut findings = Vec::new();
    let name = match engine {
        Engine::Sqlite => "SQLite in the data folder",
        Engine::Postgres => "PostgreSQL",
    };
    findings.push(Finding::healthy(format!("the database ({name}) is reachable and its schema is up to date")));
    findings.push(if people::queries::has_administrator(conn).await? {
        Finding::healthy("there is an administrator")
    } else {
        Finding::problem("no user has the role ADMIN", "buoy user add --role ADMIN --email … --name …")
    });
    let head = log::head(conn, engine).await?;
    let unsealed = audit::queries::unsealed(app, COUNT_MAX).await?;
    findings
        .push(Finding::healthy(format!("the event log ends at {}; {unsealed} events are not sealed yet", head.seq)));
    // The committed position of the index: without a server in this process, nothing follows the log here.
    let committed = app.index.cursor().and_then(|text| Cursor::decode(&text, &app.log_epoch).ok().flatten());
    let indexed = (*app.state::<IndexProgress>().watch().borrow()).max(committed.unwrap_or_default());
    let lag = log::count_after(conn, engine, indexed, History::Included, COUNT_MAX).await?;
    let documents = app.index.len();
    findings.push(Finding::healthy(format!(
        "the search index contains {documents} tickets and is {lag} events behind the log"
    )));
    findings.extend(check_escalation(app).await?);
    findings.extend(check_skills(app).await?);
    findings.push(check_holidays(app).await?);
    findings.extend(check_channels(app));
    findings.extend(check_addresses(app).await?);
    findings.extend(check_known_passwords(app, demo).await?);
    if retry_buried {
        let mut tx = Ctx::system(app).begin().await?;
        let retried = jobs::retry_dead_letters(&mut tx).await?;
        tx.commit().await?;
        findings.push(Finding::healthy(format!("{retried} failed jobs will be retried")));
    }
    let backlog = jobs::backlog(conn, app.now()).await?;
    findings.push(Finding::healthy(format!("{} jobs are due", backlog.due)));
    if backlog.dead_letters > 0 {
        let mut what = format!("{} jobs failed too often and are not retried any more:", backlog.dead_letters);
        for jobs::DeadLetter { kind, subject, last_error } in jobs::dead_letters(conn, BURIED_SHOWN).await? {
            what.push_str(&format!("\n      {kind} {subject}: {last_error}"));
        }
        findings.push(Finding::problem(what, "fix the causes of the errors, then run `buoy doctor --retry-buried`"));
    }
    Ok(findings)
}

/// Whether each escalation policy reaches somebody at each level: the initial ones do not before people and channels are set up.
async fn check_escalation(app: &App) -> Result<Option<Finding>, Error> {
    let unreached = escalation::queries::unreached(app).await?;
    if unreached.is_empty() {
        return Ok(Some(Finding::healthy("every escalation policy reaches somebody at each level")));
    }
    let of: Vec<String> = unreached
        .iter()
        .map(|(priority, why)| format!("\n      {}: {}", priority.as_str(), why.message.text(Locale::En)))
        .collect();
    Ok(Some(Finding::setup(
        format!("tickets that nobody answers would reach nobody:{}", of.concat()),
        "add agents with supervisors, configure a sender ([channels]), let people bind their addresses, and try the policies \
         (Administration › Escalation, or saveEscalationPolicy)",
    )))
}

/// Whether some agent has each skill that issue types and products require.
async fn check_skills(app: &App) -> Result<Option<Finding>, Error> {
    let uncovered = dispatch::queries::uncovered_skills(app).await?;
    if uncovered.is_empty() {
        return Ok(None);
    }
    let list = uncovered.iter().take(UNCOVERED_SHOWN).map(|UncoveredSkill { kind, key, skill }| {
        let kind = if *kind == Kind::Product { "product" } else { "issue type" };
        format!("\n      {kind} {key}: {}, level {}", skill.skill, skill.level)
    });
    let (count, list) = (uncovered.len(), list.collect::<String>());
    Ok(Some(Finding::setup(
        format!(
            "{count} skills that issue types and products require have no agent at that level, so others get their tickets:{list}"
        ),
        "give agents these skills (saveAgentProfile), or require others (saveIssueType, saveProduct)",
    )))
}

/// Whether the public holidays of the bundled calendar are up to date.
async fn check_holidays(app: &App) -> Result<Finding, Error> {
    let calendars = calendar::queries::current(app).await?;
    let Some(china) = calendars.iter().find(|saved| saved.of.key == CHINA && !saved.archived) else {
        return Ok(Finding::healthy("no calendar uses China's public holidays"));
    };
    let year = china.calendar.zone().to_datetime(app.now().to_jiff()).year();
    let known = china.hours.exceptions.iter().map(|exception| exception.last.year()).max().unwrap_or(0);
    let text = format!("the calendar {CHINA} contains China's public holidays up to {known}");
    Ok(if known < year {
        Finding::problem(text, format!("add those of {year} (saveCalendar)"))
    } else if known == year {
        Finding::healthy(format!("{text}; add those of {} once they are published (saveCalendar)", year + 1))
    } else {
        Finding::healthy(text)
    })
}

/// Addresses that nobody has proved, such as those of a version before proofs.
async fn check_addresses(app: &App) -> Result<Option<Finding>, Error> {
    let unproved = notifications::queries::count_unproved(app.db.read()).await?;
    Ok((unproved > 0).then(|| {
        Finding::healthy(format!(
            "{unproved} addresses of users are not proved, so nothing is sent to them: the users enter a code in their profile, \
             or an administrator binds them (bindTerminal with userId)"
        ))
    }))
}

/// Accounts of the demo data, whose password everybody knows.
async fn check_known_passwords(app: &Arc<App>, demo: bool) -> Result<Vec<Finding>, Error> {
    let found = people::commands::find_known_passwords(&Ctx::system(app), DOMAIN, PASSWORD).await?;
    let list =
        |users: Vec<people::model::User>| users.into_iter().map(|user| user.email).collect::<Vec<_>>().join(", ");
    let mut findings = Vec::new();
    if demo {
        findings.push(Finding::healthy("demo data is served: everybody knows the password of its accounts"));
    } else if !found.open.is_empty() {
        findings.push(Finding::problem(
            format!("everybody knows the password of these accounts of the demo data: {}", list(found.open)),
            "start with --demo, which listens on loopback only; `buoy serve` without it locks these accounts",
        ));
    }
    if !found.locked.is_empty() {
        findings.push(Finding::problem(
            format!(
                "these accounts of the demo data are locked, because everybody knows their password: {}",
                list(found.locked)
            ),
            "set another password (setPassword), or remove their personal data (redactUser)",
        ));
    }
    Ok(findings)
}

/// Lists channels without a sender.
fn check_channels(app: &App) -> Option<Finding> {
    let senders = app.state::<Senders>();
    let unconfigured: Vec<&str> =
        Channel::ALL.iter().filter(|channel| !senders.has(**channel)).map(|channel| channel.as_str()).collect();
    (!unconfigured.is_empty()).then(|| {
        Finding::healthy(format!(
            "no sender is configured for {}: messages on these channels fail ([channels] in the configuration)",
            unconfigured.join(", ")
        ))
    })
}
