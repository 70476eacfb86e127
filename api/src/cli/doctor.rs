//! `buoy doctor`: how this installation is, and what to do where it is not well.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use domain::calendar::model::CHINA;
use domain::kernel::Error;
use domain::notifications::model::{Channel, Senders};
use domain::recommend::react::Progress;
use domain::runtime::feed::History;
use domain::runtime::{App, Ctx, Cursor, Engine, jobs, log};
use domain::{audit, calendar, people};
use serde::{Deserialize, Serialize};

use super::control::{Answer, Request, request};
use crate::config::Config;
use crate::node::CannotStart;

#[derive(Args)]
pub struct Doctor {
    /// Has buried jobs tried again.
    #[arg(long)]
    retry_buried: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    pub what: String,
    /// What to do; `None` where all is well.
    pub remedy: Option<String>,
}

fn well(what: impl Into<String>) -> Finding {
    Finding { what: what.into(), remedy: None }
}

fn ill(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { what: what.into(), remedy: Some(remedy.into()) }
}

/// Written and removed again to see whether the data folder takes it.
const PROBE_BYTES: usize = 1 << 20;
/// Counting further tells nobody more.
const COUNT_MAX: u64 = 10_000;
const BURIED_SHOWN: u64 = 10;

pub async fn run(config: Config, Doctor { retry_buried }: Doctor) -> Result<ExitCode, CannotStart> {
    let mut findings = vec![well(format!("the configuration reads; the organisation is in {}", config.org.time_zone))];
    findings.extend(folder(&config));
    findings.push(encoder(&config));
    let mut examined = Err("the examination ended without a result".to_owned());
    let asked = request(&config, Request::Doctor { retry_buried }, None, |answer| match answer {
        Answer::Examined(found) => examined = Ok(found),
        Answer::Failed(reason) => examined = Err(reason),
        _ => {}
    })
    .await;
    match asked.map_err(|CannotStart(reason)| reason).and(examined) {
        Ok(found) => findings.extend(found),
        Err(reason) => findings.push(ill("Buoy cannot use its database or its folder", reason)),
    }
    for Finding { what, remedy } in &findings {
        match remedy {
            None => println!("ok    {what}"),
            Some(remedy) => println!("ILL   {what}\n      → {remedy}"),
        }
    }
    Ok(if findings.iter().all(|finding| finding.remedy.is_none()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Without one nothing fails: cases are found a little worse.
fn encoder(config: &Config) -> Finding {
    let Some(folder) = config.model_dir() else {
        return well("no encoder of meanings: cases are found by their words alone (make model, and BUOY_MODEL_DIR)");
    };
    match meaning::Model::open(&folder) {
        Ok(model) => well(format!("the encoder of meanings in {} is {}", folder.display(), model.digest())),
        Err(error) => ill(
            format!("cases are found by their words alone: {error}"),
            "make model puts the encoder into target/model; BUOY_MODEL_DIR names its folder",
        ),
    }
}

/// Before anything else is touched.
fn folder(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let folder = config.data_dir.display();
    findings.push(match probe(&config.data_dir) {
        Ok(()) => well(format!("the data folder {folder} takes writes")),
        Err(e) => ill(
            format!("the data folder {folder} does not take {PROBE_BYTES} bytes: {e}"),
            "free some space, or give the folder to the user that runs Buoy (BUOY_DATA_DIR names it)",
        ),
    });
    let key = config.master_key_file();
    findings.push(match std::fs::metadata(&key) {
        Ok(meta) if meta.permissions().mode() & 0o077 == 0 => well(format!("only its owner reads {}", key.display())),
        Ok(_) => {
            ill(format!("others may read the master key {0}", key.display()), format!("chmod 600 {}", key.display()))
        }
        Err(_) => well(format!("{} is made with the first start", key.display())),
    });
    findings
}

fn probe(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("doctor.probe");
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.sync_all()
    });
    let _ = std::fs::remove_file(&path);
    written
}

/// What only an open installation can tell.
pub async fn examine(app: &Arc<App>, retry_buried: bool) -> Result<Vec<Finding>, Error> {
    let (conn, engine) = (app.db.read(), app.db.engine);
    let mut findings = Vec::new();
    let name = match engine {
        Engine::Sqlite => "SQLite in the data folder",
        Engine::Postgres => "PostgreSQL",
    };
    findings.push(well(format!("the database ({name}) answers and has this program's schema")));
    findings.push(if people::queries::has_administrator(conn).await? {
        well("somebody can administer")
    } else {
        ill("nobody has the role ADMIN", "buoy user add --role ADMIN --email … --name …")
    });
    let head = log::head(conn, engine).await?;
    let unsealed = audit::queries::unsealed(app, COUNT_MAX).await?;
    findings.push(well(format!("the event log ends at {}; {unsealed} events wait for their seal", head.seq)));
    // What the index itself says: beside a server nothing follows here.
    let committed = app.index.cursor().and_then(|text| Cursor::open(&text, &app.log_epoch).ok().flatten());
    let indexed = (*app.state::<Progress>().watch().borrow()).max(committed.unwrap_or_default());
    let lag = log::count_behind(conn, engine, indexed, History::Included, COUNT_MAX).await?;
    let documents = app.index.len();
    findings.push(well(format!("the search index holds {documents} tickets; a server follows the log ({lag} events)")));
    findings.push(holidays(app).await?);
    findings.extend(silent_channels(app));
    if retry_buried {
        let mut tx = Ctx::system(app).begin().await?;
        let retried = jobs::retry_buried(&mut tx).await?;
        tx.commit().await?;
        findings.push(well(format!("{retried} buried jobs are tried again")));
    }
    let backlog = jobs::backlog(conn, app.now()).await?;
    findings.push(well(format!("{} jobs are due", backlog.due)));
    if backlog.buried > 0 {
        let mut what = format!("{} jobs failed too often and are buried:", backlog.buried);
        for jobs::Buried { kind, subject, last_error } in jobs::buried(conn, BURIED_SHOWN).await? {
            what.push_str(&format!("\n      {kind} {subject}: {last_error}"));
        }
        findings.push(ill(what, "mend what the errors name, then: buoy doctor --retry-buried"));
    }
    Ok(findings)
}

/// How far the public holidays of the calendar that ships are known.
async fn holidays(app: &App) -> Result<Finding, Error> {
    let calendars = calendar::queries::current(app).await?;
    let Some(china) = calendars.iter().find(|saved| saved.of.key == CHINA && !saved.archived) else {
        return Ok(well("no calendar follows China's public holidays"));
    };
    let year = china.calendar.zone().to_datetime(app.now().to_jiff()).year();
    let known = china.hours.exceptions.iter().map(|exception| exception.last.year()).max().unwrap_or(0);
    let said = format!("the calendar {CHINA} knows China's public holidays up to {known}");
    Ok(if known < year {
        ill(said, format!("save it with those of {year} (saveCalendar)"))
    } else if known == year {
        well(format!("{said}; those of {} are to be added once they are published (saveCalendar)", year + 1))
    } else {
        well(said)
    })
}

/// Channels by which nothing can leave.
fn silent_channels(app: &App) -> Option<Finding> {
    let senders = app.state::<Senders>();
    let silent: Vec<&str> =
        Channel::ALL.iter().filter(|channel| !senders.has(**channel)).map(|channel| channel.word()).collect();
    (!silent.is_empty()).then(|| {
        well(format!(
            "no sender is configured for {}: messages by them fail ([channels] in the configuration)",
            silent.join(", ")
        ))
    })
}
