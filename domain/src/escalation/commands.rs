//! Saves policies; each save creates a version.

use super::decide::{levels, reaches_somebody};
use super::model::{EscalationEvent, Level, Measure, Policy, SavePolicy};
use super::queries::{StaffSnapshot, read_policies};
use super::store;
use crate::kernel::{Actor, Code, Error, Result, Role, boxed, refuse};
use crate::msg;
use crate::notifications::model::Channel;
use crate::runtime::{Command, Tx};
use crate::tickets::model::Priority;

impl Command for SavePolicy {
    const NAME: &'static str = "saveEscalationPolicy";
    /// The priority's rank.
    type Output = i32;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<i32> {
        let allowed = match tx.actor() {
            Actor::System => true,
            Actor::Anonymous => return Err(Error::unauthenticated()),
            Actor::Person(person) => person.is(Role::Admin),
        };
        if !allowed {
            return Err(refuse(Code::Forbidden, "", msg!("escalation-save-forbidden")).into());
        }
        let levels = levels(&self.levels)?;
        let staff = StaffSnapshot::load(tx.app(), tx.conn()).await?;
        reaches_somebody(&levels, &staff.reachability(tx.app(), tx.now))?;
        save(tx, self.priority, self.measure, levels).await?;
        Ok(self.priority.rank())
    }
}

async fn save(tx: &mut Tx, priority: Priority, measure: Measure, levels: Vec<Level>) -> Result<()> {
    let known = read_policies(tx.conn()).await?;
    let version = known.iter().find(|policy| policy.priority == priority).map_or(1, |policy| policy.version + 1);
    store::insert_policy(tx.conn(), &Policy { priority, version, measure, levels }, tx.now).await?;
    tx.record(EscalationEvent::PolicySaved { priority, version }).await
}

/// The default policies: 2, 4 and 8 hours. Not checked for reachability, because there are no users yet.
#[boxed]
pub async fn seed(tx: &mut Tx) -> Result<()> {
    if store::has_policies(tx.conn()).await? {
        return Ok(());
    }
    let loud: Vec<Channel> = Channel::chats().chain([Channel::Email, Channel::Sms]).collect();
    let levels = [
        Level {
            level: 1,
            after_secs: 2 * 3_600,
            channels: [Channel::Web].into_iter().chain(Channel::chats()).chain([Channel::WebPush]).collect(),
        },
        Level { level: 2, after_secs: 4 * 3_600, channels: loud.clone() },
        Level { level: 3, after_secs: 8 * 3_600, channels: loud },
    ];
    for priority in Priority::ALL {
        save(tx, *priority, Measure::AroundTheClock, levels.to_vec()).await?;
    }
    Ok(())
}
