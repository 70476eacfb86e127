//! Chooses the assignee of a ticket: pure.

use super::model::{Candidate, Choice, Exclusion, Requirements, STORED_CANDIDATES_MAX, ScorePart, ScoredCandidate};
use crate::people::model::LEVELS;

/// Why a candidate is not eligible; of several reasons the most lasting one.
fn excluded(requirements: &Requirements, candidate: &Candidate) -> Option<Exclusion> {
    if requirements.earlier.contains(&candidate.user) {
        return Some(Exclusion::EarlierOwner);
    }
    let missing = requirements.skills.iter().find(|skill| candidate.skills.iter().all(|known| known.skill != **skill));
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
    if !candidate.reachable {
        return Some(Exclusion::Unreachable);
    }
    (candidate.load + requirements.weight > candidate.capacity).then_some(Exclusion::AtCapacity)
}

/// The skill match in 0..1: the mean of the candidate's levels of the required skills.
fn skill_match(requirements: &Requirements, candidate: &Candidate) -> f64 {
    if requirements.skills.is_empty() {
        return 0.0;
    }
    let level =
        |skill: &String| candidate.skills.iter().find(|known| known.skill == *skill).map_or(0, |known| known.level);
    let sum: i32 = requirements.skills.iter().map(level).sum();
    let count = u32::try_from(requirements.skills.len()).unwrap_or(u32::MAX);
    f64::from(sum) / f64::from(count) / f64::from(*LEVELS.end())
}

/// Chooses among the candidates of the ticket's team.
pub fn choose(requirements: &Requirements, candidates: &[Candidate], skill_points: i32) -> Choice {
    let mut scored: Vec<(&Candidate, ScoredCandidate)> = candidates
        .iter()
        .filter(|candidate| requirements.team.is_none_or(|team| candidate.teams.contains(&team)))
        .map(|candidate| {
            let skill = f64::from(skill_points) * skill_match(requirements, candidate);
            let load = -f64::from(candidate.load);
            let part = |name: &str, value| ScorePart { name: name.to_owned(), value };
            let excluded = excluded(requirements, candidate);
            let score = excluded.is_none().then_some(skill + load);
            let parts = vec![part("skillMatch", skill), part("openWork", load)];
            (candidate, ScoredCandidate { user: candidate.user, excluded, score, parts })
        })
        .collect();
    scored.sort_by(|(a, a_is), (b, b_is)| {
        let by_score = match (a_is.score, b_is.score) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        // Ties go to the candidate who has been idle longest; `None` (never assigned) sorts first.
        by_score.then_with(|| a.last_assigned_at.cmp(&b.last_assigned_at)).then_with(|| a.user.cmp(&b.user))
    });
    let chosen = scored.first().filter(|(_, scored)| scored.score.is_some()).map(|(candidate, _)| candidate.user);
    let scored = scored.into_iter().map(|(_, scored)| scored).take(STORED_CANDIDATES_MAX).collect();
    Choice { chosen, candidates: scored }
}
