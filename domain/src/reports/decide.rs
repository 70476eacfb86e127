//! What a ticket counts for, and what all of them come to.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::model::{Cause, CauseCount, Effect, Fact, Figure, Health, REUSED_FROM, Reused, TOP_CAUSES, Voice};
use crate::kernel::Timestamp;
use crate::knowledge::decide::lower_bound;
use crate::metrics::model::{Outcome, Tally};
use crate::satisfaction::model::CONTENT_FROM;
use crate::tickets::model::RootCauseLevel;

/// What a resolved ticket is to a figure; `None`: it stands in neither number.
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
            let until = fact.resolved_at + recurs_within;
            match fact.recurred_at.filter(|at| *at <= until) {
                Some(_) => Some(Outcome::Met),
                None if now < until => Some(Outcome::Pending),
                None => Some(Outcome::Missed),
            }
        }
        (Figure::LinkRate, _) => met(fact.cites),
        (Figure::Attribution, cause) => met(cause.is_some()),
        (Figure::RootCauseConvergence | Figure::L3Escape | Figure::Recurrence, None)
        | (Figure::Csat | Figure::ResponseRate, _) => None,
    }
}

/// What a survey is to a figure.
pub fn voiced(figure: Figure, voice: &Voice) -> Option<Outcome> {
    let met = |met: bool| if met { Outcome::Met } else { Outcome::Missed };
    match figure {
        Figure::Csat => voice.score.map(|score| met(score >= CONTENT_FROM)),
        Figure::ResponseRate => voice.asked.then(|| met(voice.answered)),
        _ => None,
    }
}

fn tally(outcomes: impl Iterator<Item = Option<Outcome>>) -> Tally {
    outcomes.flatten().fold(Tally::default(), |mut tally, outcome| {
        match outcome {
            Outcome::Met => tally.met += 1,
            Outcome::Missed => tally.missed += 1,
            Outcome::Pending => tally.pending += 1,
            Outcome::Excluded => {}
        }
        tally
    })
}

/// How often each cause occurs, most frequent first; of those as frequent, in the order of their words.
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
pub fn top(causes: &[CauseCount]) -> HashSet<Cause> {
    causes.iter().take(TOP_CAUSES).map(|count| count.cause.clone()).collect()
}

/// Solutions that so many other tickets cite, of all.
pub fn reuse(solutions: &[Reused]) -> Tally {
    let reused = solutions.iter().filter(|solution| solution.citing >= REUSED_FROM).count() as u64;
    Tally { met: reused, missed: solutions.len() as u64 - reused, pending: 0 }
}

/// The figures that tickets and surveys come to.
pub fn health(facts: &[Fact], voices: &[Voice], recurs_within: Duration, now: Timestamp) -> Health {
    let causes = causes(facts);
    let top = top(&causes);
    let count = |figure: Figure| tally(facts.iter().map(|fact| outcome(figure, fact, &top, recurs_within, now)));
    let said = |figure: Figure| tally(voices.iter().map(|voice| voiced(figure, voice)));
    Health {
        resolved: facts.len() as u64,
        unattributed: facts.iter().filter(|fact| fact.cause.is_none()).count() as u64,
        root_cause_convergence: count(Figure::RootCauseConvergence),
        l3_escape: count(Figure::L3Escape),
        recurrence: count(Figure::Recurrence),
        link_rate: count(Figure::LinkRate),
        csat: said(Figure::Csat),
        response_rate: said(Figure::ResponseRate),
        causes,
        ..Health::default()
    }
}

/// The design defects among attributed tickets, product by product.
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

/// How a share has changed, of what it was; `None` where there was nothing.
pub fn change(current: Tally, previous: Tally) -> Option<f64> {
    let (now, before) = (current.value()?, previous.value()?);
    (before > 0.0).then(|| (now - before) / before)
}

/// What a solution that is tried by few counts as.
const UNTRIED: f64 = 0.2;

/// By this the solution of the week is chosen: how often it was cited then, by how surely it holds.
#[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
pub fn worth(effect: &Effect) -> f64 {
    let holds = lower_bound(effect.held, effect.held + effect.failed).unwrap_or(UNTRIED);
    effect.cited_in_week as f64 * holds
}

/// The lower of the two in the middle, where there are two: nearest rank, as all percentiles here.
pub fn median(mut seconds: Vec<i64>) -> Option<i64> {
    seconds.sort_unstable();
    let rank = crate::metrics::decide::nearest_rank(seconds.len(), 50)?;
    seconds.get(rank).copied()
}

/// A line without the mark of its list: `1. `, `2、`, `- `.
fn unmarked(line: &str) -> &str {
    let behind = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = behind.len() < line.len();
    match behind.strip_prefix(['.', '、', ')', '）']) {
        Some(rest) if numbered && !rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => line.strip_prefix(['-', '*', '•']).filter(|rest| rest.starts_with(' ')).unwrap_or(line),
    }
}

/// A solution's text as steps: its lines; of one line its sentences.
pub fn steps(solution: &str) -> Vec<String> {
    let trimmed = |text: &str| {
        let bare = unmarked(text.trim()).trim();
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
