//! Reasons as a reader wants them: few, strongest first, none said twice.

use crate::{REASONS_MAX, Reason, ReasonKind};

/// Orders and shortens reasons, and turns their weights into shares of `sum`.
pub(crate) fn tidy(mut reasons: Vec<Reason>, sum: f32) -> Vec<Reason> {
    // Longest first: `打印` says nothing beside `打印机`, which then takes its weight.
    reasons.sort_by(|a, b| b.value.len().cmp(&a.value.len()).then_with(|| b.weight.total_cmp(&a.weight)));
    let mut said: Vec<Reason> = Vec::new();
    for reason in reasons {
        let within = |longer: &&mut Reason| {
            longer.kind == ReasonKind::Term
                && reason.kind == ReasonKind::Term
                && !reason.value.is_ascii()
                && longer.value.contains(&reason.value)
        };
        match said.iter_mut().find(within) {
            Some(longer) => longer.weight += reason.weight,
            None => said.push(reason),
        }
    }
    // A single letter, digit or character tells a reader nothing, unless there is nothing else.
    let tells = |reason: &Reason| reason.kind == ReasonKind::Meaning || reason.value.chars().nth(1).is_some();
    if said.iter().any(tells) {
        said.retain(tells);
    }
    said.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.value.cmp(&b.value)));
    said.truncate(REASONS_MAX);
    for reason in &mut said {
        reason.weight = if sum > 0.0 { (reason.weight / sum).clamp(0.0, 1.0) } else { 0.0 };
    }
    said
}
