//! Jobs of reports: generates and stores the monthly report; finds knowledge gaps, extracts cards for them and notifies.

use futures::FutureExt as _;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::model::{AFTER_MIDNIGHT, Gap, MAKE_JOB, MonthlyReport, QUEUE, RERENDER_AFTER, STORED_MAX};
use super::{queries, store};
use crate::calendar::model::Organisation;
use crate::catalogue;
use crate::kernel::{Error, Message, Result, TeamId, Timestamp, boxed, days};
use crate::knowledge;
use crate::metrics;
use crate::metrics::decide::{interval_at, previous_interval};
use crate::metrics::model::{Interval, Key};
use crate::notifications;
use crate::notifications::model::KnowledgeGap;
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule, SendAttempt};
use crate::runtime::ports::Outcome;
use crate::runtime::{Ctx, Tx};

/// A knowledge gap and what to do about it.
#[derive(Serialize, Deserialize)]
struct Finding {
    /// The name of the team or issue type.
    name: Message,
    /// The team whose supervisors are notified; `None`: administrators, who see every ticket of an issue type.
    team: Option<TeamId>,
    /// The number of topics without a card.
    topics: usize,
    /// The number of tickets behind it.
    tickets: u64,
    is_small_sample: bool,
    /// Signatures to extract cards from.
    signatures: Vec<String>,
}

/// The time at which the report of the month containing `at` is generated: an hour into the next month.
pub fn next_month(tx: &Tx, at: Timestamp) -> Timestamp {
    let zone = &tx.app().state::<Organisation>().zone;
    let month = interval_at(at, Interval::Month, zone);
    month.map_or(at + days(31), |month| month.to + AFTER_MIDNIGHT)
}

/// The month before the one that contains an instant, such as `2026-10`.
fn month_before(at: Timestamp, zone: &TimeZone) -> Option<String> {
    let month = previous_interval(interval_at(at, Interval::Month, zone)?, Interval::Month, zone)?;
    Some(month_of(month.from, zone))
}

fn month_of(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff().to_zoned_datetime(zone.clone()).date().strftime("%Y-%m").to_string()
}

/// Schedules the report of the month that ended before the job's time, however late the job runs. Missed months follow one after the
/// other.
#[boxed]
pub async fn on_monthly(tx: &mut Tx, job: &Job) -> Result<SendAttempt> {
    if let Some(month) = month_before(job.run_at, &tx.app().state::<Organisation>().zone) {
        jobs::schedule(tx, &[Schedule::new(MAKE_JOB, &month, tx.now).in_queue(QUEUE)]).await?;
    }
    Ok(SendAttempt::Skip(Next::At(next_month(tx, job.run_at))))
}

/// Clears report files from `since` on (`None`: all) in the transaction of a redaction, because they may contain the redacted data, and
/// schedules them to be generated again.
pub async fn clear_files(tx: &mut Tx, since: Option<Timestamp>) -> Result<()> {
    // Reports that are being generated may have read the data already: they start again.
    let scheduled = jobs::scheduled_subjects(tx, MAKE_JOB).await?;
    schedule_rendering(tx, scheduled.iter().map(String::as_str)).await?;
    let zone = &tx.app().state::<Organisation>().zone;
    let since = since.map(|since| month_of(since, zone));
    let cleared = store::clear(tx.conn(), since.as_deref()).await?;
    schedule_rendering(tx, cleared.iter().map(String::as_str)).await
}

async fn schedule_rendering(tx: &mut Tx, months: impl Iterator<Item = &str>) -> Result<()> {
    let at = tx.now + RERENDER_AFTER;
    let job = |month| Schedule::new(MAKE_JOB, month, at).in_queue(QUEUE).if_scheduled(IfScheduled::KeepEarlier);
    let jobs: Vec<_> = months.map(job).collect();
    jobs::schedule(tx, &jobs).await
}

/// Begins generating the report of the job's month, outside a transaction, with all tickets.
#[boxed]
pub async fn begin_report(tx: &mut Tx, job: &Job) -> Result<SendAttempt> {
    let (cx, month) = (tx.cx.clone(), job.subject.clone());
    let rendering = async move {
        let report = queries::monthly_report(&cx, &month).await;
        match report.and_then(|report| serde_json::to_value(report).map_err(Error::internal)) {
            Ok(report) => Outcome::Completed(report),
            Err(error) => Outcome::Rejected { why: Message::plain(error.to_string()) },
        }
    };
    Ok(SendAttempt::Send(rendering.boxed()))
}

/// Completes a report: stores its files, and notifies administrators of the first and of the final one. A provisional report is made again
/// once its windows are over, and replaced.
#[boxed]
pub async fn complete_report(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let MonthlyReport { files, is_final } = match outcome {
        Outcome::Completed(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("the monthly report was not made: {other:?}"))),
    };
    let month = &job.subject;
    let before = store::stored_reports(tx.conn(), Some(month), 1).await?.pop();
    store::save_files(tx.conn(), month, files, is_final, tx.now).await?;
    if before.is_none_or(|before| is_final && !before.is_final) {
        notifications::react::on_report(tx, month, is_final).await?;
    }
    Ok(if is_final { Next::Done } else { Next::At(final_at(tx, month)?) })
}

/// When the report of a month is made for good. Not before now: a window may have ended since the report was begun.
fn final_at(tx: &Tx, month: &str) -> Result<Timestamp> {
    let period = metrics::decide::month(month, &tx.app().state::<Organisation>().zone)?;
    Ok(Ord::max(queries::final_at(&tx.cx, period) + AFTER_MIDNIGHT, tx.now))
}

/// Schedules the final report of each month whose stored one is provisional: those of a version that made no final ones, too.
pub async fn schedule_final_reports(tx: &mut Tx) -> Result<()> {
    let months = store::provisional_months(tx.conn(), STORED_MAX as u64).await?;
    let mut jobs = Vec::with_capacity(months.len());
    for month in &months {
        let at = final_at(tx, month)?;
        jobs.push(Schedule::new(MAKE_JOB, month, at).in_queue(QUEUE).if_scheduled(IfScheduled::Keep));
    }
    jobs::schedule(tx, &jobs).await
}

/// Begins the search for gaps, outside a transaction.
#[boxed]
pub async fn begin_gap_search(tx: &mut Tx, _: &Job) -> Result<SendAttempt> {
    let cx = tx.cx.clone();
    let found = async move {
        match findings(&cx).await.and_then(|found| serde_json::to_value(found).map_err(Error::internal)) {
            Ok(found) => Outcome::Completed(found),
            Err(error) => Outcome::Rejected { why: Message::plain(error.to_string()) },
        }
    };
    Ok(SendAttempt::Send(found.boxed()))
}

/// Completes the search for gaps.
#[boxed]
pub async fn complete_gap_search(tx: &mut Tx, _: &Job, outcome: Outcome) -> Result<Next> {
    let findings: Vec<Finding> = match outcome {
        Outcome::Completed(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("gaps were not looked for: {other:?}"))),
    };
    for Finding { name, team, topics, tickets, is_small_sample, signatures } in findings {
        knowledge::commands::extract_for_gaps(tx, &signatures).await?;
        if topics > 0 {
            let gap = KnowledgeGap { name, team, topics, tickets, is_small_sample };
            notifications::react::on_knowledge_gap(tx, gap).await?;
        }
    }
    Ok(Next::At(next_monday(tx)))
}

/// An hour into the next week, when the last one is complete.
pub fn next_monday(tx: &Tx) -> Timestamp {
    let zone = &tx.app().state::<Organisation>().zone;
    let week = interval_at(tx.now, Interval::Week, zone);
    week.map_or(tx.now + days(7), |week| week.to + AFTER_MIDNIGHT)
}

async fn findings(cx: &Ctx) -> Result<Vec<Finding>> {
    let since = match queries::weeks(cx).as_deref() {
        Some([first, ..]) => first.from,
        _ => return Ok(Vec::new()),
    };
    let wanted = cx.app.state::<knowledge::model::Settings>().occurrences_in_gap;
    let known = catalogue::queries::cached(&cx.app).await?;
    let named = |name: &str, name_zh: Option<&str>| Message::literal(name, name_zh.unwrap_or(name));
    let mut findings = Vec::new();
    for gap in queries::gaps(cx).await? {
        let Gap { dimension, key, topic_count: topics, ticket_count: tickets, is_small_sample, .. } = gap;
        let Some(of) = queries::of_key(dimension, &key) else { continue };
        let signatures = knowledge::queries::signatures_without_card(cx.read(), of, since, wanted).await?;
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
        findings.push(Finding { name, team, topics, tickets, is_small_sample, signatures });
    }
    Ok(findings)
}
