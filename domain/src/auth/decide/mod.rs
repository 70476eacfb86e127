//! Decisions about passwords, sign-in attempts and refresh tokens.

mod password;

pub use self::password::{check_password, normalized, stored_forms};
use super::model::{
    REFRESH_GRACE, SIGN_IN_FAILURES_PER_ACCOUNT, SIGN_IN_FAILURES_PER_ADDRESS, SIGN_IN_FAILURES_PER_PAIR,
    SIGN_IN_WINDOW,
};
use crate::kernel::Timestamp;

/// What failed sign-in attempts are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// Account and address: whoever guesses is slowed down, and nobody else.
    Pair,
    /// Many addresses guess the password of one account.
    Account,
    /// One address guesses the passwords of many accounts.
    Address,
}

impl Throttle {
    const fn failures_max(self) -> i32 {
        match self {
            Self::Pair => SIGN_IN_FAILURES_PER_PAIR,
            Self::Account => SIGN_IN_FAILURES_PER_ACCOUNT,
            Self::Address => SIGN_IN_FAILURES_PER_ADDRESS,
        }
    }
}

/// What an attempt counts against. What strangers do cannot stop a device from which the account signed in before: only its
/// own failures count.
pub const fn throttles(is_known_device: bool) -> &'static [Throttle] {
    if is_known_device { &[Throttle::Pair] } else { &[Throttle::Pair, Throttle::Account, Throttle::Address] }
}

/// A counter of failed attempts before the one in question.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    pub throttle: Throttle,
    pub failures: i32,
    pub window_from: Timestamp,
}

/// The minutes after which the next attempt is allowed; `None`: it is allowed now.
pub fn minutes_to_wait(counters: &[Counter], now: Timestamp) -> Option<i64> {
    let waits = counters.iter().filter_map(|Counter { throttle, failures, window_from }| {
        let until = *window_from + SIGN_IN_WINDOW;
        (*failures >= throttle.failures_max() && now < until).then(|| until.seconds_since(now) / 60 + 1)
    });
    waits.max()
}

/// What the use of a refresh token leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshDecision {
    /// It is the current one: the next one replaces it.
    Renew,
    /// It was replaced a moment ago: the answer was lost, or two requests were sent at once. It yields the same successor.
    Repeat,
    /// It was replaced earlier, so it may be stolen: the session ends.
    Reused,
}

/// Decides about a token that was issued for the session. Tokens are numbered; `current` was issued at `replaced_at`.
pub fn refresh(given: i32, current: i32, replaced_at: Option<Timestamp>, now: Timestamp) -> RefreshDecision {
    let in_grace = replaced_at.is_some_and(|at| now < at + REFRESH_GRACE);
    if given == current {
        RefreshDecision::Renew
    } else if given.checked_add(1) == Some(current) && in_grace {
        RefreshDecision::Repeat
    } else {
        RefreshDecision::Reused
    }
}
