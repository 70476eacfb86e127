//! What reports set in motion: the report of a month is made and kept; where first-time resolution stays low, cards are looked for, and somebody hears of it.

use futures::FutureExt as _;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::model::{Gap, Made, Press};
use super::{queries, react, store};
use crate::catalogue;
use crate::kernel::{Error, Result, TeamId, Timestamp, days};
use crate::knowledge;
use crate::metrics::decide::{around, before};
use crate::metrics::model::{Interval, Key, Settings as Metrics};
use crate::notifications;
use crate::runtime::jobs::{Job, Next, Outcome, Prepared};
use crate::runtime::{Ctx, Tx};

/// What is missed somewhere, and what is done about it.
#[derive(Serialize, Deserialize)]
struct Finding {
    /// Of the department or issue type.
    name: String,
    /// Whose supervisors hear of it; `None`: all.
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
    Some(month.from.to_jiff().to_zoned_datetime(zone.clone()).date().strftime("%Y-%m").to_string())
}

/// The first half of the monthly report: it is made outside any transaction, of everything.
/// The month is that of the job, however late it runs.
pub fn prepare_monthly(tx: &Tx, job: &Job) -> Prepared {
    let (cx, Press(press)) = (tx.cx.clone(), *tx.app().state::<Press>());
    let Some(month) = month_before(job.run_at, &tx.app().state::<Metrics>().zone) else {
        return Prepared::Ended(Next::At(next_month(tx, tx.now)));
    };
    let made = async move {
        let made = press(cx, month.clone()).await;
        match made.and_then(|made| serde_json::to_value((month, made)).map_err(Error::internal)) {
            Ok(made) => Outcome::Found(made),
            Err(error) => Outcome::Refused { why: error.to_string() },
        }
    };
    Prepared::Send(made.boxed())
}

/// The second half: it is kept, and administrators hear of it. Months that were missed come one after the other.
pub async fn settle_monthly(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let (month, made): (String, Vec<Made>) = match outcome {
        Outcome::Found(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("the monthly report was not made: {other:?}"))),
    };
    store::keep(tx.conn(), &month, made, tx.now).await?;
    notifications::react::on_report(tx, &month).await?;
    Ok(Next::At(next_month(tx, job.run_at)))
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
        notifications::react::on_knowledge_gap(tx, &name, team, topics).await?;
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
    let names = catalogue::queries::everything(&cx.app).await?;
    let mut findings = Vec::new();
    for Gap { dimension, key, weeks: _, topics } in queries::gaps(cx).await? {
        let Some(of) = queries::of_key(dimension, &key) else { continue };
        let signatures = knowledge::queries::uncarded(cx.read(), of, since, wanted).await?;
        let (name, team) = match &key {
            Key::Id(id) => {
                let team = TeamId(*id);
                let known = catalogue::queries::teams(cx.read(), vec![team]).await?.pop();
                (known.map_or_else(|| team.to_string(), |team| team.name), Some(team))
            }
            Key::Word(word) => {
                let known =
                    names.entries.iter().find(|of| of.kind == catalogue::model::Kind::IssueType && *of.key == **word);
                (known.map_or_else(|| word.to_string(), |of| of.name.clone()), None)
            }
            Key::None => continue,
        };
        findings.push(Finding { name, team, topics: topics.len(), signatures });
    }
    Ok(findings)
}
