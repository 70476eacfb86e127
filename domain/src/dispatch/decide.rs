//! Who gets a ticket: pure.

use super::model::{Candidate, Choice, Exclusion, KEPT_MAX, Need, Part, Weighed};
use crate::people::model::LEVELS;

/// Why a candidate may not get it; of several reasons the one that would last longest.
fn excluded(need: &Need, candidate: &Candidate) -> Option<Exclusion> {
    if need.earlier.contains(&candidate.user) {
        return Some(Exclusion::EarlierOwner);
    }
    let missing = need.skills.iter().find(|skill| candidate.skills.iter().all(|known| known.skill != **skill));
    if let Some(skill) = missing {
        return Some(Exclusion::MissingSkill(skill.clone()));
    }
    if candidate.away {
        return Some(Exclusion::Away);
    }
    if candidate.delegated {
        return Some(Exclusion::Delegated);
    }
    if !candidate.on_shift {
        return Some(Exclusion::OffShift);
    }
    if !candidate.reached {
        return Some(Exclusion::Unreachable);
    }
    (candidate.load + need.weight > candidate.capacity).then_some(Exclusion::AtCapacity)
}

/// How well somebody can what it takes, in 0..1: the mean of their levels.
fn skill_match(need: &Need, candidate: &Candidate) -> f64 {
    if need.skills.is_empty() {
        return 0.0;
    }
    let level =
        |skill: &String| candidate.skills.iter().find(|known| known.skill == *skill).map_or(0, |known| known.level);
    let sum: i32 = need.skills.iter().map(level).sum();
    let count = u32::try_from(need.skills.len()).unwrap_or(u32::MAX);
    f64::from(sum) / f64::from(count) / f64::from(*LEVELS.end())
}

/// Chooses among those of the ticket's team.
pub fn choose(need: &Need, candidates: &[Candidate], skill_points: i32) -> Choice {
    let mut weighed: Vec<(&Candidate, Weighed)> = candidates
        .iter()
        .filter(|candidate| need.team.is_none_or(|team| candidate.teams.contains(&team)))
        .map(|candidate| {
            let skill = f64::from(skill_points) * skill_match(need, candidate);
            let load = -f64::from(candidate.load);
            let part = |name: &str, value| Part { name: name.to_owned(), value };
            let excluded = excluded(need, candidate);
            let score = excluded.is_none().then_some(skill + load);
            let parts = vec![part("skillMatch", skill), part("openWork", load)];
            (candidate, Weighed { user: candidate.user, excluded, score, parts })
        })
        .collect();
    weighed.sort_by(|(a, a_is), (b, b_is)| {
        let by_score = match (a_is.score, b_is.score) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        // Of equals the one who has been idle longest; who never had one before everybody.
        by_score.then_with(|| a.last_assigned_at.cmp(&b.last_assigned_at)).then_with(|| a.user.cmp(&b.user))
    });
    let chosen = weighed.first().filter(|(_, weighed)| weighed.score.is_some()).map(|(candidate, _)| candidate.user);
    let weighed = weighed.into_iter().map(|(_, weighed)| weighed).take(KEPT_MAX).collect();
    Choice { chosen, weighed }
}
