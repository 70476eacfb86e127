//! The work that one caller may cause within a minute, in cost units ([`super::price`]).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::kernel::{Actor, Timestamp, UserId};

/// Callers that are remembered; beyond that those who owe least are forgotten.
const PAYERS_MAX: usize = 10_000;
const MINUTE_MILLIS: u64 = 60_000;

/// Who pays for an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    User(UserId),
    /// Nobody has signed in.
    Address(Option<String>),
}

impl Payer {
    pub fn of(actor: &Actor, address: Option<&String>) -> Self {
        actor.user_id().map_or_else(|| Self::Address(address.cloned()), Self::User)
    }
}

/// What a caller has used and not yet regained.
#[derive(Clone, Copy, Debug)]
struct Debt {
    units: u64,
    at: Timestamp,
}

impl Debt {
    /// A minute regains as many units as it allows.
    fn at(self, now: Timestamp, units_a_minute: u64) -> Self {
        let elapsed = u64::try_from(now.millis() - self.at.millis()).unwrap_or(0);
        let regained = u128::from(units_a_minute) * u128::from(elapsed) / u128::from(MINUTE_MILLIS);
        Self { units: self.units.saturating_sub(u64::try_from(regained).unwrap_or(u64::MAX)), at: now }
    }
}

#[derive(Debug)]
pub struct WorkBudget {
    /// 0: no limit.
    units_a_minute: u64,
    debts: Mutex<HashMap<Payer, Debt>>,
}

impl WorkBudget {
    pub fn new(units_a_minute: u64) -> Self {
        Self { units_a_minute, debts: Mutex::default() }
    }

    fn debts(&self) -> MutexGuard<'_, HashMap<Payer, Debt>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Charges an operation. A caller who has used up the budget is refused, with the seconds after which they may go on; one
    /// operation may cost more than what is left.
    pub fn charge(&self, payer: Payer, units: u64, now: Timestamp) -> Result<(), u64> {
        let of_a_minute = self.units_a_minute;
        if of_a_minute == 0 {
            return Ok(());
        }
        let mut debts = self.debts();
        if debts.len() >= PAYERS_MAX && !debts.contains_key(&payer) {
            forget_some(&mut debts, of_a_minute, now);
        }
        let debt = debts.entry(payer).or_insert(Debt { units: 0, at: now });
        *debt = debt.at(now, of_a_minute);
        if debt.units >= of_a_minute {
            let over = debt.units - of_a_minute + 1;
            return Err((over.saturating_mul(60)).div_ceil(of_a_minute));
        }
        debt.units = debt.units.saturating_add(units);
        Ok(())
    }
}

/// Forgets who owes nothing any more, or else the half who owe least.
fn forget_some(debts: &mut HashMap<Payer, Debt>, units_a_minute: u64, now: Timestamp) {
    debts.retain(|_, debt| debt.at(now, units_a_minute).units > 0);
    if debts.len() >= PAYERS_MAX {
        let mut units: Vec<u64> = debts.values().map(|debt| debt.units).collect();
        units.sort_unstable();
        let median = units[units.len() / 2];
        debts.retain(|_, debt| debt.units > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::kernel::seconds;

    fn payer(n: usize) -> Payer {
        Payer::Address(Some(n.to_string()))
    }

    #[test]
    fn a_caller_who_used_up_the_budget_waits_until_it_is_regained() {
        let now = Timestamp::from_millis(1_000_000_000);
        let budget = WorkBudget::new(600);
        let charge = |n: usize, units: u64, after: u64| budget.charge(payer(n), units, now + seconds(after));
        assert_eq!(charge(1, 599, 0), Ok(()));
        assert_eq!(charge(1, 601, 0), Ok(()), "one unit was left");
        assert_eq!(charge(1, 1, 0), Err(61));
        assert_eq!(charge(2, 1, 0), Ok(()), "another caller");
        assert_eq!(charge(1, 1, 59), Err(2));
        assert_eq!(charge(1, 10, 61), Ok(()));
        assert_eq!(charge(1, 1, 0), Err(1), "a clock that was set back regains nothing");
        assert_eq!(charge(1, 600, 1_000), Ok(()), "later the budget is full, and no fuller");
        assert_eq!(charge(1, 1, 1_000), Err(1));
        let unlimited = WorkBudget::new(0);
        assert_eq!(unlimited.charge(payer(1), u64::MAX, now), Ok(()));
        assert_eq!(unlimited.charge(payer(1), u64::MAX, now), Ok(()));
    }

    #[test]
    fn the_number_of_remembered_callers_is_bounded() {
        let now = Timestamp::from_millis(1_000_000_000);
        let budget = WorkBudget::new(600);
        budget.charge(payer(0), 600, now).unwrap();
        for n in 1..2 * PAYERS_MAX {
            budget.charge(payer(n), 1, now).unwrap();
        }
        assert!(budget.debts().len() <= PAYERS_MAX, "{}", budget.debts().len());
        assert!(budget.charge(payer(0), 1, now).is_err(), "who owes most is remembered");
    }
}
