//! When whom to warn, and what a credential must have.

use super::model::{CredentialKind, Parts};
use crate::kernel::{Code, Refusal, Timestamp, days, refuse, text};

const PART_CHARS_MAX: usize = 2_000;

/// The warning that is due now, and when to look again. `at`: days before the end, falling; `warned`: the nearest one that was given.
pub fn warning(
    at: &[u64],
    now: Timestamp,
    expires_at: Timestamp,
    warned: Option<i64>,
) -> (Option<i64>, Option<Timestamp>) {
    let passed = at.iter().rfind(|before| expires_at - days(**before) <= now);
    let passed = passed.and_then(|before| i64::try_from(*before).ok());
    let due = passed.filter(|before| warned.is_none_or(|warned| *before < warned));
    let next = at.iter().map(|before| expires_at - days(*before)).find(|at| *at > now);
    (due, next)
}

/// The parts that a kind must have, each with something in it, and no others.
pub fn check(kind: CredentialKind, given: &Parts) -> Result<Parts, Refusal> {
    let (must, may) = kind.parts();
    let named = |names: &[&str]| names.join(", ");
    if let Some(missing) = must.iter().find(|name| given.get(name).is_none()) {
        return Err(refuse(
            Code::Required,
            "parts",
            format!("{} has the parts {}: {missing} is missing.", kind.word(), named(must)),
            format!("{} 需要 {}，缺少 {missing}。", kind.word(), named(must)),
        ));
    }
    if let Some(unknown) = given.0.keys().find(|name| !must.contains(&name.as_str()) && !may.contains(&name.as_str())) {
        return Err(refuse(
            Code::UnknownKey,
            "parts",
            format!("{} has no part {unknown}: it has {}.", kind.word(), named(&[must, may].concat())),
            format!("{} 没有 {unknown}，可用的有 {}。", kind.word(), named(&[must, may].concat())),
        ));
    }
    let parts = given.0.iter().map(|(name, value)| {
        let value = text::line("parts", value, PART_CHARS_MAX)?;
        Ok((name.clone(), value))
    });
    Ok(Parts(parts.collect::<Result<_, Refusal>>()?))
}
