//! What reports set in motion: the report of a month is made and kept; where first-time resolution stays low, cards are looked for, and somebody hears of it.

use futures::FutureExt as _;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::model::{Gap, Made, Press};
use super::{queries, react, store};
use crate::catalogue;
use crate::kernel::{Error, Message, Result, TeamId, Timestamp, days};
use crate::knowledge;
use crate::metrics::decide::{around, before};
use crate::metrics::model::{Interval, Key, Settings as Metrics};
use crate::notifications;
use crate::runtime::jobs::{self, Job, Next, Outcome, Prepared};
use crate::runtime::{Ctx, Tx};

/// What is missed somewhere, and what is done about it.
#[derive(Serialize, Deserialize)]
struct Finding {
    /// Of the department or issue type.
    name: Message,
    /// Whose supervisors hear of it; `None`: administrators, who see every ticket of an issue type.
    team: Option<TeamId>,
    /// Topics without a card.
    topics: usize,
    /// That cards are made of.
    signatures: Vec<String>,
}

/// An hour into the month behind an instant: that is when the report of its month is made.
pub fn next_month(tx: &Tx, at: Timestamp) -> Timestamp {
    let zone = &tx.app().state::<Metrics>().zone;
    let month = around(at, Interval::Month, zone);
    month.map_or(at + days(31), |month| month.to + react::AFTER_MIDNIGHT)
}

/// The month before the one that an instant lies in, such as `2026-10`.
fn month_before(at: Timestamp, zone: &TimeZone) -> Option<String> {
    let month = before(around(at, Interval::Month, zone)?, Interval::Month, zone)?;
    Some(month_of(month.from, zone))
}

fn month_of(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff().to_zoned_datetime(zone.clone()).date().strftime("%Y-%m").to_string()
}

/// A month is over: its report is to be made. The month is that of the job, however late it runs; months that were missed come one after the
/// other.
pub async fn on_monthly(tx: &mut Tx, job: &Job) -> Result<Prepared> {
    if let Some(month) = month_before(job.run_at, &tx.app().state::<Metrics>().zone) {
        jobs::plant_in_lane(tx, react::LANE, &[(react::MAKE, &month, tx.now)]).await?;
    }
    Ok(Prepared::Ended(Next::At(next_month(tx, job.run_at))))
}

/// Somebody's data or a ticket's texts are gone: what the files of the months since then say of them goes in the same moment, and these are
/// made anew. `None`: of all months.
pub async fn forget_files(tx: &mut Tx, since: Option<Timestamp>) -> Result<()> {
    // First those that are being made: they have perhaps read what is gone, and begin anew.
    let standing = jobs::subjects(tx, react::MAKE).await?;
    remake(tx, standing.iter().map(String::as_str)).await?;
    let zone = &tx.app().state::<Metrics>().zone;
    let since = since.map(|since| month_of(since, zone));
    let cleared = store::clear(tx.conn(), since.as_deref()).await?;
    remake(tx, cleared.iter().map(String::as_str)).await
}

async fn remake(tx: &mut Tx, months: impl Iterator<Item = &str>) -> Result<()> {
    let at = tx.now + react::AGAIN_AFTER;
    let wanted: Vec<_> = months.map(|month| (react::MAKE, month, at)).collect();
    jobs::plant_earlier_in_lane(tx, react::LANE, &wanted).await
}

/// The first half of making the report of the job's month: outside any transaction, of everything.
pub fn prepare_making(tx: &Tx, job: &Job) -> Prepared {
    let (cx, Press(press), month) = (tx.cx.clone(), *tx.app().state::<Press>(), job.subject.clone());
    let made = async move {
        let made = press(cx, month).await;
        match made.and_then(|made| serde_json::to_value(made).map_err(Error::internal)) {
            Ok(made) => Outcome::Found(made),
            Err(error) => Outcome::Refused { why: error.to_string() },
        }
    };
    Prepared::Send(made.boxed())
}

/// The second half: it is kept, and administrators hear of it the first time.
pub async fn settle_making(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let made: Vec<Made> = match outcome {
        Outcome::Found(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("the monthly report was not made: {other:?}"))),
    };
    let month = &job.subject;
    let again = !store::kept(tx.conn(), Some(month), 1).await?.is_empty();
    store::keep(tx.conn(), month, made, tx.now).await?;
    if !again {
        notifications::react::on_report(tx, month).await?;
    }
    Ok(Next::Done)
}

/// The first half of looking for gaps: all of it is read outside any transaction.
pub fn prepare_gaps(tx: &Tx) -> Prepared {
    let cx = tx.cx.clone();
    let found = async move {
        match findings(&cx).await.and_then(|found| serde_json::to_value(found).map_err(Error::internal)) {
            Ok(found) => Outcome::Found(found),
            Err(error) => Outcome::Refused { why: error.to_string() },
        }
    };
    Prepared::Send(found.boxed())
}

/// The second half.
pub async fn settle_gaps(tx: &mut Tx, outcome: Outcome) -> Result<Next> {
    let findings: Vec<Finding> = match outcome {
        Outcome::Found(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("gaps were not looked for: {other:?}"))),
    };
    for Finding { name, team, topics, signatures } in findings {
        knowledge::commands::fill(tx, &signatures).await?;
        if topics > 0 {
            notifications::react::on_knowledge_gap(tx, name, team, topics).await?;
        }
    }
    Ok(Next::At(next_monday(tx)))
}

/// An hour into the next week: what happened in the last one is counted by then.
pub fn next_monday(tx: &Tx) -> Timestamp {
    let zone = &tx.app().state::<Metrics>().zone;
    let week = around(tx.now, Interval::Week, zone);
    week.map_or(tx.now + days(7), |week| week.to + react::AFTER_MIDNIGHT)
}

async fn findings(cx: &Ctx) -> Result<Vec<Finding>> {
    let since = match queries::weeks(cx).as_deref() {
        Some([first, ..]) => first.from,
        _ => return Ok(Vec::new()),
    };
    let wanted = cx.app.state::<knowledge::model::Settings>().occurrences_in_gap;
    let known = catalogue::queries::everything(&cx.app).await?;
    let named = |name: &str, name_zh: Option<&str>| Message::new(name, name_zh.unwrap_or(name));
    let mut findings = Vec::new();
    for Gap { dimension, key, weeks: _, topic_count: topics, topics: _ } in queries::gaps(cx).await? {
        let Some(of) = queries::of_key(dimension, &key) else { continue };
        let signatures = knowledge::queries::uncarded(cx.read(), of, since, wanted).await?;
        let (name, team) = match &key {
            Key::Id(id) => {
                let team = TeamId(*id);
                let Some(of) = known.teams.get(&team) else { continue };
                (named(&of.name, of.name_zh.as_deref()), Some(team))
            }
            Key::Word(word) => {
                let of =
                    known.entries.iter().find(|of| of.kind == catalogue::model::Kind::IssueType && *of.key == **word);
                (of.map_or_else(|| named(word, None), |of| named(&of.name, of.name_zh.as_deref())), None)
            }
            Key::None => continue,
        };
        findings.push(Finding { name, team, topics, signatures });
    }
    Ok(findings)
}
