//! Reasons for display: few, strongest first, without duplicates.

use crate::{REASONS_MAX, Reason, ReasonKind};

/// Merges, orders and shortens reasons, and turns their weights into shares of `sum`.
pub(crate) fn consolidate(mut reasons: Vec<Reason>, sum: f32) -> Vec<Reason> {
    // Longest first: `打印` is merged into `打印机`, which takes its weight.
    reasons.sort_by(|a, b| b.value.len().cmp(&a.value.len()).then_with(|| b.weight.total_cmp(&a.weight)));
    let mut merged: Vec<Reason> = Vec::new();
    for reason in reasons {
        let within = |longer: &&mut Reason| {
            let is_part =
                longer.kind == ReasonKind::Term && !reason.value.is_ascii() && longer.value.contains(&reason.value);
            longer.kind == reason.kind && (is_part || (reason.kind == ReasonKind::Code && longer.value == reason.value))
        };
        match merged.iter_mut().find(within) {
            Some(longer) => longer.weight += reason.weight,
            None => merged.push(reason),
        }
    }
    // A single letter, digit or character is shown only if there is nothing else.
    let is_informative = |reason: &Reason| reason.kind == ReasonKind::Meaning || reason.value.chars().nth(1).is_some();
    if merged.iter().any(is_informative) {
        merged.retain(is_informative);
    }
    merged.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.value.cmp(&b.value)));
    merged.truncate(REASONS_MAX);
    for reason in &mut merged {
        reason.weight = if sum > 0.0 { (reason.weight / sum).clamp(0.0, 1.0) } else { 0.0 };
    }
    merged
}
