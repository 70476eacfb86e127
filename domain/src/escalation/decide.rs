//! Pure decisions: validation of policies, when levels are due, and which one fires.

use std::collections::{BTreeMap, HashMap};

use super::model::{
    Escalation, Finding, FindingKind, LEVEL_MAX, Level, LevelInput, LevelSimulation, Policy, PolicySimulation, State,
};
use crate::calendar::model::Calendar;
use crate::kernel::{Code, Refusal, Role, TeamId, Timestamp, UserId, refuse};
use crate::msg;
use crate::notifications::decide::can_reach;
use crate::notifications::model::{Channel, ContactPoints, Senders};
use crate::people::model::{Agent, Availability};
use crate::tickets::model::{Fact, TicketEvent};

/// A year.
const AFTER_SECS_MAX: u64 = 365 * 24 * 3_600;

/// Checks the levels of a policy: in order, each later than the one before.
pub fn levels(given: &[LevelInput]) -> Result<Vec<Level>, Refusal> {
    let invalid = |field: &str, message| refuse(Code::Invalid, field, message);
    let mut levels = Vec::new();
    for LevelInput { level, after_secs, channels } in given {
        if !(1..=LEVEL_MAX).contains(level) {
            return Err(invalid("levels.level", msg!("escalation-level-out-of-range")));
        }
        let after_secs = u64::try_from(*after_secs).ok().filter(|secs| (1..=AFTER_SECS_MAX).contains(secs));
        let after_secs =
            after_secs.ok_or_else(|| invalid("levels.afterSeconds", msg!("escalation-delay-out-of-range")))?;
        let mut channels = channels.clone();
        channels.sort_unstable();
        channels.dedup();
        levels.push(Level { level: *level, after_secs, channels });
    }
    levels.sort_by_key(|level| level.level);
    if levels.is_empty() {
        return Err(refuse(Code::PolicyReachesNobody, "levels", msg!("escalation-level-required")));
    }
    if levels.windows(2).any(|pair| pair[0].level == pair[1].level || pair[0].after_secs >= pair[1].after_secs) {
        return Err(invalid("levels", msg!("escalation-levels-out-of-order")));
    }
    Ok(levels)
}

/// All agents with their contact points and sessions, to check a policy against.
pub struct StaffReachability<'r> {
    pub availability: &'r Availability,
    pub contact_points: &'r HashMap<UserId, ContactPoints>,
    pub sessions: &'r HashMap<UserId, Timestamp>,
    pub senders: &'r Senders,
    pub now: Timestamp,
}

impl StaffReachability<'_> {
    fn reaches(&self, user: UserId, level: i32, channels: &[Channel]) -> bool {
        let session = self.sessions.get(&user).copied();
        let channels: Vec<Channel> = channels.iter().copied().filter(|channel| self.senders.has(*channel)).collect();
        self.contact_points
            .get(&user)
            .is_some_and(|contact_points| can_reach(contact_points, session, level, &channels, self.now))
    }

    fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.availability.agents.iter().filter(|agent| agent.is(Role::Agent))
    }

    /// The possible recipients of a level: agents at level 1, their supervisors from level 2 on.
    fn recipients(&self, level: i32) -> Vec<UserId> {
        let mut recipients: Vec<UserId> = match level {
            1 => self.agents().map(|agent| agent.id).collect(),
            _ => self.agents().flat_map(|agent| self.supervisors(agent)).collect(),
        };
        recipients.sort_unstable();
        recipients.dedup();
        recipients
    }

    /// The direct supervisor, or those of the team if there is none.
    fn supervisors(&self, agent: &Agent) -> Vec<UserId> {
        match agent.supervisor.filter(|supervisor| self.availability.agent(*supervisor).is_some()) {
            Some(supervisor) => vec![supervisor],
            None => self.availability.supervisors(agent.teams.first().copied()).iter().map(|agent| agent.id).collect(),
        }
    }
}

/// Refuses a policy that reaches nobody at some level.
pub fn reaches_somebody(levels: &[Level], staff: &StaffReachability<'_>) -> Result<(), Refusal> {
    for Level { level, channels, .. } in levels {
        let reached = staff.recipients(*level).into_iter().any(|user| staff.reaches(user, *level, channels));
        if channels.is_empty() || !reached {
            let message = if channels.is_empty() {
                msg!("escalation-level-without-channel", level = level)
            } else {
                msg!("escalation-level-reaches-nobody", level = level)
            };
            return Err(refuse(Code::PolicyReachesNobody, "levels.channels", message));
        }
    }
    Ok(())
}

/// Dry run of a policy against current staff, on a virtual clock: finds who would not be reached.
pub fn simulate(
    policy: &Policy,
    staff: &StaffReachability<'_>,
    from: Timestamp,
    calendar: &Calendar,
) -> PolicySimulation {
    let mut findings = Vec::new();
    let find = |kind, level, user, skill: Option<&str>| Finding { kind, level, user, skill: skill.map(str::to_owned) };
    let mut levels = Vec::new();
    for Level { level, channels, .. } in &policy.levels {
        let recipients = staff.recipients(*level);
        let reached: Vec<bool> = recipients.iter().map(|user| staff.reaches(*user, *level, channels)).collect();
        if !reached.contains(&true) {
            findings.push(find(FindingKind::EmptyLevel, Some(*level), None, None));
        }
        for (user, _) in recipients.iter().zip(&reached).filter(|(_, reached)| !**reached) {
            findings.push(find(FindingKind::UnreachablePerson, Some(*level), Some(*user), None));
        }
        if !channels.iter().any(|channel| staff.senders.has(*channel)) {
            findings.push(find(FindingKind::NoSender, Some(*level), None, None));
        }
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        levels.push(LevelSimulation {
            level: *level,
            due_at: calendar.due(
                from,
                policy.levels.iter().find(|of| of.level == *level).map_or_else(Default::default, Level::after),
            ),
            reached: count(reached.iter().filter(|reached| **reached).count()),
            of: count(recipients.len()),
        });
    }
    for agent in staff.agents().filter(|agent| staff.supervisors(agent).is_empty()) {
        findings.push(find(FindingKind::NoSupervisor, Some(2), Some(agent.id), None));
    }
    let mut holders: BTreeMap<&str, Vec<UserId>> = BTreeMap::new();
    for agent in staff.agents() {
        for known in &agent.skills {
            holders.entry(&known.skill).or_default().push(agent.id);
        }
    }
    for (skill, users) in holders {
        if let [only] = users.as_slice() {
            findings.push(find(FindingKind::SingleSkillHolder, Some(LEVEL_MAX), Some(*only), Some(skill)));
        }
    }
    PolicySimulation { levels, findings }
}

/// What an event does to the escalation timer of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// The responsible person acted, or nothing is left to do.
    Stop,
    /// Somebody else is responsible. `force_new_epoch`: start an epoch even if no level has fired yet.
    Start { responsible: Option<UserId>, force_new_epoch: bool },
    /// The priority changed: planned levels follow its policy.
    Reschedule,
}

/// `responsible`: the person for whose response the current epoch waits (`None`: anybody's), if its timer still runs.
pub fn timer_change(
    event: &TicketEvent,
    actor: Option<UserId>,
    responsible: Option<Option<UserId>>,
) -> Option<TimerChange> {
    let before = event.before.as_ref().unwrap_or(&event.after);
    let (was, is) = (before.assignee, event.after.assignee);
    if matches!(event.fact, Fact::Created { .. }) {
        return Some(TimerChange::Start { responsible: is, force_new_epoch: true });
    }
    if !event.after.status.is_open() {
        return (before.status.is_open() || responsible.is_some()).then_some(TimerChange::Stop);
    }
    if let Fact::Reopened { .. } = event.fact {
        // An assignee who reopens the ticket is working on it.
        return Some(if is.is_some() && is == actor {
            TimerChange::Stop
        } else {
            TimerChange::Start { responsible: is, force_new_epoch: true }
        });
    }
    if was != is && !matches!(event.fact, Fact::Accepted) {
        return Some(TimerChange::Start { responsible: is, force_new_epoch: was.is_some() });
    }
    let acts = matches!(event.fact, Fact::Accepted | Fact::WaitingSet { .. } | Fact::Resumed | Fact::Commented { .. });
    let accepted = matches!(event.fact, Fact::Accepted);
    let answered = match responsible {
        None => return None,
        // Whoever accepts the ticket is working on it.
        Some(Some(responsible)) => accepted || (acts && actor == Some(responsible)),
        Some(None) => accepted || event.first_response,
    };
    if answered {
        return Some(TimerChange::Stop);
    }
    (before.priority != event.after.priority).then_some(TimerChange::Reschedule)
}

/// The planned levels of an epoch.
pub fn plan(policy: &Policy, first: &Escalation, calendar: &Calendar) -> Vec<Escalation> {
    let levels = policy.levels.iter().filter_map(|level| {
        Some(Escalation {
            level: level.level,
            due_at: calendar.due(first.since, level.after())?,
            state: State::Planned,
            fired_at: None,
            priority: policy.priority,
            policy_version: policy.version,
            channels: level.channels.clone(),
            retry: false,
            ..first.clone()
        })
    });
    levels.collect()
}

/// Returns the level that fires now (the highest that is due), the lower levels that it supersedes, and when the next is due.
pub fn due(levels: &[Escalation], now: Timestamp) -> (Option<&Escalation>, Vec<&Escalation>, Option<Timestamp>) {
    let planned = || levels.iter().filter(|level| level.state == State::Planned);
    let fired = planned().filter(|level| level.due_at <= now).max_by_key(|level| level.level);
    let superseded = planned().filter(|level| fired.is_some_and(|fired| level.level < fired.level)).collect();
    let next =
        planned().filter(|level| fired.is_none_or(|fired| level.level > fired.level)).map(|level| level.due_at).min();
    (fired, superseded, next)
}

/// The longest chain of supervisors.
const CHAIN_MAX: usize = 20;

/// Who leads the responsible person, `height` supervisors further up: the direct one at 0. Without one, the supervisors of the team;
/// above the topmost, the administrators.
pub fn leads(
    availability: &Availability,
    responsible: Option<UserId>,
    team: Option<TeamId>,
    height: usize,
) -> Vec<UserId> {
    let supervisor_of =
        |user: UserId| availability.agent(user)?.supervisor.filter(|lead| availability.agent(*lead).is_some());
    let administrators = || availability.agents.iter().filter(|agent| agent.is(Role::Admin)).map(|agent| agent.id);
    let mut level: Vec<UserId> = match responsible.and_then(supervisor_of) {
        Some(direct) => vec![direct],
        None => availability.supervisors(team).iter().map(|agent| agent.id).collect(),
    };
    for _ in 0..height.min(CHAIN_MAX) {
        let mut above: Vec<UserId> = level.iter().filter_map(|user| supervisor_of(*user)).collect();
        above.sort_unstable();
        above.dedup();
        if above.is_empty() {
            return administrators().collect();
        }
        level = above;
    }
    level
}
