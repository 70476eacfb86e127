//! Outcomes of tickets and surveys, and the report's numbers.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::model::{Cause, CauseCount, Effect, Fact, Figure, Health, Settings, SolutionReuse, SurveyFact};
use crate::kernel::{Timestamp, days};
use crate::knowledge::decide::lower_bound;
use crate::metrics::model::{Outcome, Period, Tally};
use crate::satisfaction::model::{LINK_DAYS, SATISFIED_FROM};
use crate::tickets::model::RootCauseLevel;

/// The outcome of a resolved ticket in a figure; `None`: it is in neither numerator nor denominator.
pub fn outcome(
    figure: Figure,
    fact: &Fact,
    top: &HashSet<Cause>,
    recurs_within: Duration,
    now: Timestamp,
) -> Option<Outcome> {
    let met = |met: bool| Some(if met { Outcome::Met } else { Outcome::Missed });
    match (figure, &fact.cause) {
        (Figure::RootCauseConvergence, Some(cause)) => met(top.contains(cause)),
        (Figure::L3Escape, Some(cause)) => met(cause.root_cause_level == RootCauseLevel::L3DesignDefect),
        (Figure::Recurrence, Some(_)) => {
            // Lower is better: a recurrence is the failure.
            let until = fact.resolved_at + recurs_within;
            let recurred = fact.recurred_at.is_some_and(|at| at <= until);
            match (now <= until, recurred) {
                (true, true) => Some(Outcome::PendingFailed),
                (true, false) => Some(Outcome::Pending),
                (false, recurred) => met(recurred),
            }
        }
        (Figure::LinkRate, _) => met(fact.cites),
        (Figure::Attribution, cause) => met(cause.is_some()),
        (Figure::RootCauseConvergence | Figure::L3Escape | Figure::Recurrence, None)
        | (Figure::Csat | Figure::ResponseRate, _) => None,
    }
}

/// The outcome of a survey in a figure. Its window ends with its link: what is answered at once counts no earlier than what is never
/// answered.
pub fn survey_outcome(figure: Figure, survey: &SurveyFact, now: Timestamp) -> Option<Outcome> {
    let met = |met: bool| if met { Outcome::Met } else { Outcome::Missed };
    match figure {
        Figure::Csat => survey.score.map(|score| met(score >= SATISFIED_FROM)),
        Figure::ResponseRate => survey
            .requested_at
            .map(|at| if now <= at + days(LINK_DAYS) { Outcome::Pending } else { met(survey.answered) }),
        _ => None,
    }
}

fn tally(outcomes: impl Iterator<Item = Option<Outcome>>) -> Tally {
    outcomes.flatten().fold(Tally::default(), |mut tally, outcome| {
        tally.add(outcome);
        tally
    })
}

/// When every window of a period is over, so that its figures are final.
pub fn final_at(period: Period, recurs_within: Duration) -> Timestamp {
    period.to + recurs_within.max(days(LINK_DAYS))
}

/// The number of tickets by cause, most frequent first, then in the order of the cause.
pub fn causes(facts: &[Fact]) -> Vec<CauseCount> {
    let mut counts: HashMap<&Cause, u64> = HashMap::new();
    for cause in facts.iter().filter_map(|fact| fact.cause.as_ref()) {
        *counts.entry(cause).or_default() += 1;
    }
    let mut causes: Vec<CauseCount> =
        counts.into_iter().map(|(cause, count)| CauseCount { cause: cause.clone(), count }).collect();
    causes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(&b.cause)));
    causes
}

/// The causes that convergence counts.
pub fn top_causes(causes: &[CauseCount], count: usize) -> HashSet<Cause> {
    causes.iter().take(count).map(|count| count.cause.clone()).collect()
}

/// The share of solutions with enough citing tickets.
pub fn reuse(solutions: &[SolutionReuse], from_citations: u64) -> Tally {
    let reused = solutions.iter().filter(|solution| solution.citing >= from_citations).count() as u64;
    Tally { met: reused, missed: solutions.len() as u64 - reused, ..Tally::default() }
}

/// The figures of tickets and surveys.
pub fn health(
    facts: &[Fact],
    surveys: &[SurveyFact],
    recurs_within: Duration,
    settings: &Settings,
    now: Timestamp,
) -> Health {
    let causes = causes(facts);
    let top = top_causes(&causes, settings.top_causes);
    let count = |figure: Figure| tally(facts.iter().map(|fact| outcome(figure, fact, &top, recurs_within, now)));
    let rate = |figure: Figure| tally(surveys.iter().map(|survey| survey_outcome(figure, survey, now)));
    Health {
        resolved: facts.len() as u64,
        unattributed: facts.iter().filter(|fact| fact.cause.is_none()).count() as u64,
        root_cause_convergence: count(Figure::RootCauseConvergence),
        l3_escape: count(Figure::L3Escape),
        recurrence: count(Figure::Recurrence),
        link_rate: count(Figure::LinkRate),
        csat: rate(Figure::Csat),
        response_rate: rate(Figure::ResponseRate),
        causes,
        ..Health::default()
    }
}

/// The share of design defects among attributed tickets, by product.
pub fn escapes(facts: &[Fact]) -> HashMap<String, Tally> {
    let mut all: HashMap<String, Tally> = HashMap::new();
    for cause in facts.iter().filter_map(|fact| fact.cause.as_ref()) {
        let Some(product) = &cause.product else { continue };
        let tally = all.entry(product.clone()).or_default();
        match cause.root_cause_level {
            RootCauseLevel::L3DesignDefect => tally.met += 1,
            RootCauseLevel::L1UserError | RootCauseLevel::L2Environment => tally.missed += 1,
        }
    }
    all
}

/// The relative change of a share; `None` if there was none before.
pub fn change(current: Tally, previous: Tally) -> Option<f64> {
    let (now, before) = (current.value()?, previous.value()?);
    (before > 0.0).then(|| (now - before) / before)
}

/// The survival assumed for a solution with no known outcome.
const UNTRIED: f64 = 0.2;

/// The score that selects the solution of the week: citations in the week, weighted by the lower bound of survival.
#[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
pub fn solution_score(effect: &Effect) -> f64 {
    let holds = lower_bound(effect.survived, effect.survived + effect.failed).unwrap_or(UNTRIED);
    effect.cited_in_week as f64 * holds
}

/// The median by nearest rank, as for all percentiles: the lower of the two middle values.
pub fn median(mut seconds: Vec<i64>) -> Option<i64> {
    seconds.sort_unstable();
    let rank = crate::metrics::decide::nearest_rank(seconds.len(), 50)?;
    seconds.get(rank).copied()
}

/// A line without its list marker: `1. `, `2、`, `- `.
fn without_list_marker(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < line.len();
    match rest.strip_prefix(['.', '、', ')', '）']) {
        Some(rest) if numbered && !rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => line.strip_prefix(['-', '*', '•']).filter(|rest| rest.starts_with(' ')).unwrap_or(line),
    }
}

/// The steps of a solution: its lines; if it has one line, its sentences.
pub fn steps(solution: &str) -> Vec<String> {
    let trimmed = |text: &str| {
        let bare = without_list_marker(text.trim()).trim();
        (!bare.is_empty()).then(|| bare.to_owned())
    };
    let lines: Vec<String> = solution.lines().filter_map(trimmed).collect();
    if lines.len() > 1 {
        return lines;
    }
    let mut steps = Vec::new();
    let mut step = String::new();
    let mut rest = solution.chars().peekable();
    while let Some(c) = rest.next() {
        step.push(c);
        let ends = "。；！".contains(c) || (".;!".contains(c) && rest.peek().is_none_or(|next| next.is_whitespace()));
        if ends {
            steps.extend(trimmed(&std::mem::take(&mut step)));
        }
    }
    steps.extend(trimmed(&step));
    steps
}
