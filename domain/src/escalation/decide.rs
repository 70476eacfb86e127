//! When levels are due, which one fires, what a policy must be: pure.

use std::collections::{BTreeMap, HashMap};

use super::model::{
    Escalation, Finding, FindingKind, LEVEL_MAX, Level, LevelGiven, Policy, Rehearsal, Rehearsed, State,
};
use crate::calendar::decide::hours::Calendar;
use crate::kernel::{Code, Refusal, Role, Timestamp, UserId, refuse};
use crate::notifications::decide::reaches;
use crate::notifications::model::{Channel, Reach, Senders, Settings as Notifications};
use crate::people::model::{Agent, Duty};
use crate::tickets::model::{Fact, TicketEvent};

/// A level comes at the latest after a year.
const AFTER_SECS_MAX: u64 = 365 * 24 * 3_600;

/// Levels of a policy, checked: in order, each later than the one before.
pub fn levels(given: &[LevelGiven]) -> Result<Vec<Level>, Refusal> {
    let invalid = |field: &str, en: &str, zh: &str| refuse(Code::Invalid, field, en, zh);
    let mut levels = Vec::new();
    for LevelGiven { level, after_secs, channels } in given {
        if !(1..=LEVEL_MAX).contains(level) {
            return Err(invalid("levels.level", "A level is 1, 2 or 3.", "级别为 1、2 或 3。"));
        }
        let after_secs = u64::try_from(*after_secs).ok().filter(|secs| (1..=AFTER_SECS_MAX).contains(secs));
        let after_secs = after_secs.ok_or_else(|| {
            invalid(
                "levels.afterSeconds",
                "afterSeconds is 1 to 31536000 (a year).",
                "afterSeconds 为 1 至 31536000（一年）。",
            )
        })?;
        let mut channels = channels.clone();
        channels.sort_unstable();
        channels.dedup();
        levels.push(Level { level: *level, after_secs, channels });
    }
    levels.sort_by_key(|level| level.level);
    if levels.is_empty() {
        return Err(refuse(Code::PolicyReachesNobody, "levels", "Give at least one level.", "请至少设置一个级别。"));
    }
    if levels.windows(2).any(|pair| pair[0].level == pair[1].level || pair[0].after_secs >= pair[1].after_secs) {
        return Err(invalid(
            "levels",
            "Each level stands once, and a higher one comes later.",
            "每个级别只能出现一次，且级别越高时间越晚。",
        ));
    }
    Ok(levels)
}

/// Everybody and what reaches them: what a policy is tried on.
pub struct Roster<'r> {
    pub duty: &'r Duty,
    pub reach: &'r HashMap<UserId, Reach>,
    pub sessions: &'r HashMap<UserId, Timestamp>,
    pub senders: &'r Senders,
    pub settings: &'r Notifications,
    pub now: Timestamp,
}

impl Roster<'_> {
    fn reaches(&self, user: UserId, level: i32, channels: &[Channel]) -> bool {
        let session = self.sessions.get(&user).copied();
        let channels: Vec<Channel> = channels.iter().copied().filter(|channel| self.senders.has(*channel)).collect();
        self.reach.get(&user).is_some_and(|reach| reaches(reach, session, level, &channels, self.now, self.settings))
    }

    fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.duty.agents.iter().filter(|agent| agent.is(Role::Agent))
    }

    /// Who might be told at a level: at the first the assignee, from the second on their supervisor.
    fn told(&self, level: i32) -> Vec<UserId> {
        let mut told: Vec<UserId> = match level {
            1 => self.agents().map(|agent| agent.id).collect(),
            _ => self.agents().flat_map(|agent| self.supervisors(agent)).collect(),
        };
        told.sort_unstable();
        told.dedup();
        told
    }

    /// The direct supervisor; those of the team where there is none.
    fn supervisors(&self, agent: &Agent) -> Vec<UserId> {
        match agent.supervisor.filter(|supervisor| self.duty.agent(*supervisor).is_some()) {
            Some(supervisor) => vec![supervisor],
            None => self.duty.supervisors(agent.teams.first().copied()).iter().map(|agent| agent.id).collect(),
        }
    }
}

/// A policy reaches somebody at every level, or is refused.
pub fn reaches_somebody(levels: &[Level], roster: &Roster<'_>) -> Result<(), Refusal> {
    for Level { level, channels, .. } in levels {
        let reached = roster.told(*level).into_iter().any(|user| roster.reaches(user, *level, channels));
        if channels.is_empty() || !reached {
            let (en, zh) = if channels.is_empty() {
                (format!("Level {level} names no channel."), format!("第 {level} 级没有任何渠道。"))
            } else {
                (
                    format!(
                        "Level {level} reaches nobody: bind terminals of these channels, or name others, of which a sender is \
                         configured ([channels]). Levels 2 and 3 need one besides WEB, and WEB_PUSH is never the only one."
                    ),
                    format!(
                        "第 {level} 级无法触达任何人：请绑定这些渠道的终端，或改用已配置发送方（[channels]）的其他渠道。二、三级除 WEB 外还需其他渠道，WEB_PUSH 不能是唯一渠道。"
                    ),
                )
            };
            return Err(refuse(Code::PolicyReachesNobody, "levels.channels", en, zh));
        }
    }
    Ok(())
}

/// Runs a policy against the roster on a virtual clock: who would not be reached.
pub fn rehearse(policy: &Policy, roster: &Roster<'_>, from: Timestamp, calendar: &Calendar) -> Rehearsal {
    let mut findings = Vec::new();
    let find = |kind, level, user, skill: Option<&str>| Finding { kind, level, user, skill: skill.map(str::to_owned) };
    let mut levels = Vec::new();
    for Level { level, channels, .. } in &policy.levels {
        let told = roster.told(*level);
        let reached: Vec<bool> = told.iter().map(|user| roster.reaches(*user, *level, channels)).collect();
        if !reached.contains(&true) {
            findings.push(find(FindingKind::EmptyLevel, Some(*level), None, None));
        }
        for (user, _) in told.iter().zip(&reached).filter(|(_, reached)| !**reached) {
            findings.push(find(FindingKind::UnreachablePerson, Some(*level), Some(*user), None));
        }
        if !channels.iter().any(|channel| roster.senders.has(*channel)) {
            findings.push(find(FindingKind::NoSender, Some(*level), None, None));
        }
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        levels.push(Rehearsed {
            level: *level,
            due_at: calendar.due(
                from,
                policy.levels.iter().find(|of| of.level == *level).map_or_else(Default::default, Level::after),
            ),
            reached: count(reached.iter().filter(|reached| **reached).count()),
            of: count(told.len()),
        });
    }
    for agent in roster.agents().filter(|agent| roster.supervisors(agent).is_empty()) {
        findings.push(find(FindingKind::NoSupervisor, Some(2), Some(agent.id), None));
    }
    let mut holders: BTreeMap<&str, Vec<UserId>> = BTreeMap::new();
    for agent in roster.agents() {
        for known in &agent.skills {
            holders.entry(&known.skill).or_default().push(agent.id);
        }
    }
    for (skill, users) in holders {
        if let [only] = users.as_slice() {
            findings.push(find(FindingKind::SingleSkillHolder, Some(LEVEL_MAX), Some(*only), Some(skill)));
        }
    }
    Rehearsal { levels, findings }
}

/// What an event does to the watch over a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Whoever was watched has acted, or nothing is left to do.
    Stop,
    /// Somebody else's turn: watched anew. `fresh`: even where nothing has fired yet.
    Watch { whom: Option<UserId>, fresh: bool },
    /// Another priority: the levels to come by its policy.
    Aim,
}

/// `watched`: whose answer the present epoch waits for, if it still does.
pub fn moved(event: &TicketEvent, actor: Option<UserId>, watched: Option<Option<UserId>>) -> Option<Move> {
    let before = event.before.as_ref().unwrap_or(&event.after);
    let (was, is) = (before.assignee, event.after.assignee);
    if matches!(event.fact, Fact::Created { .. }) {
        return Some(Move::Watch { whom: is, fresh: true });
    }
    if !event.after.status.is_open() {
        return (before.status.is_open() || watched.is_some()).then_some(Move::Stop);
    }
    if let Fact::Reopened { .. } = event.fact {
        // Whoever takes it up themselves is at it.
        return Some(if is.is_some() && is == actor { Move::Stop } else { Move::Watch { whom: is, fresh: true } });
    }
    if was != is && !matches!(event.fact, Fact::Accepted) {
        return Some(Move::Watch { whom: is, fresh: was.is_some() });
    }
    let acts = matches!(event.fact, Fact::Accepted | Fact::WaitingSet { .. } | Fact::Resumed | Fact::Commented { .. });
    let taken = matches!(event.fact, Fact::Accepted);
    let answered = match watched {
        None => return None,
        // Taken over by somebody, it is theirs, and they are at it.
        Some(Some(watched)) => taken || (acts && actor == Some(watched)),
        Some(None) => taken || event.first_response,
    };
    if answered {
        return Some(Move::Stop);
    }
    (before.priority != event.after.priority).then_some(Move::Aim)
}

/// The levels of a new epoch.
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

/// Which of the planned levels of an epoch fires now: the highest that is due. The others that are due are overtaken.
pub fn due(levels: &[Escalation], now: Timestamp) -> (Option<&Escalation>, Vec<&Escalation>, Option<Timestamp>) {
    let planned = || levels.iter().filter(|level| level.state == State::Planned);
    let fires = planned().filter(|level| level.due_at <= now).max_by_key(|level| level.level);
    let overtaken = planned().filter(|level| fires.is_some_and(|fires| level.level < fires.level)).collect();
    let next =
        planned().filter(|level| fires.is_none_or(|fires| level.level > fires.level)).map(|level| level.due_at).min();
    (fires, overtaken, next)
}
