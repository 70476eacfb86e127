//! The order of cases.

use std::collections::HashSet;

use super::model::{FLOOR, SimilarCase};
use crate::knowledge::decide::lower_bound;
use crate::knowledge::model::Standing;

/// What a case keeps of its likeness for each time that it was reopened.
const REOPENED: f32 = 0.85;
const REOPENED_LEAST: f32 = 0.5;
/// What a case loses whose solution fails for sure.
const FAILS: f64 = 0.5;

/// What a case keeps of its likeness: a solution that did not last sinks, by how often it was reopened and by how surely it fails
/// those who cite it.
#[expect(clippy::cast_possible_truncation, reason = "a share")]
pub fn sinks(reopened: i32, standing: Option<&Standing>) -> f32 {
    let lasts = REOPENED.powi(reopened).max(REOPENED_LEAST);
    let fails = standing.and_then(|standing| {
        let [soon, ..] = standing.survival;
        lower_bound(soon.failed + standing.failed_early, soon.known() + standing.failed_early)
    });
    lasts * (1.0 - FAILS * fails.unwrap_or_default()) as f32
}

/// Best first, down to the floor; of the cases of one card the best alone.
pub fn arrange(mut cases: Vec<SimilarCase>, limit: usize, one_per_card: bool) -> Vec<SimilarCase> {
    cases.retain(|case| case.score >= FLOOR);
    cases.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut cards = HashSet::new();
    cases.retain(|case| !one_per_card || case.card.is_none_or(|card| cards.insert(card)));
    cases.truncate(limit);
    cases
}
