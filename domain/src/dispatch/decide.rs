//! Chooses the assignee of a ticket: pure.

use super::model::{
    Candidate, Choice, Exclusion, Mismatch, RequiredSkill, Requirements, STORED_CANDIDATES_MAX, ScorePart,
    ScoredCandidate, Settings, SkillSource, UncoveredSkill, Workload,
};
use crate::catalogue::model::{Entry, Kind, LEVELS, SkillLevel};
use crate::kernel::Role;
use crate::people::model::Agent;

/// The skills that a ticket requires: those given with it, and those of its issue type and its product.
pub fn required_skills(given: &[String], issue_type: Option<&Entry>, product: Option<&Entry>) -> Vec<RequiredSkill> {
    let given = given.iter().map(|skill| RequiredSkill {
        skill: skill.clone(),
        level: *LEVELS.start(),
        source: SkillSource::Given,
    });
    let derived = [(issue_type, SkillSource::IssueType), (product, SkillSource::Product)];
    let derived = derived.into_iter().filter_map(|(entry, source)| Some((entry?, source)));
    let derived = derived.flat_map(|(entry, source)| {
        let required = entry.required_skills.iter();
        required.map(move |SkillLevel { skill, level }| RequiredSkill { skill: skill.clone(), level: *level, source })
    });
    given.chain(derived).collect()
}

/// Which required skills exclude candidates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SkillFilter {
    All,
    Given,
}

fn level(candidate: &Candidate, skill: &str) -> i32 {
    candidate.skills.iter().find(|known| known.skill == skill).map_or(0, |known| known.level)
}

/// The first required skill that the candidate lacks.
fn lacking<'r>(
    requirements: &'r Requirements,
    candidate: &Candidate,
    which: impl Fn(SkillSource) -> bool,
) -> Option<&'r RequiredSkill> {
    let mut required = requirements.skills.iter().filter(|required| which(required.source));
    required.find(|required| level(candidate, &required.skill) < required.level)
}

fn is_in_team(requirements: &Requirements, candidate: &Candidate) -> bool {
    requirements.team.is_none_or(|team| candidate.teams.contains(&team))
}

/// Why a candidate is not eligible; of several reasons the most lasting one.
fn excluded(requirements: &Requirements, candidate: &Candidate, filter: SkillFilter) -> Option<Exclusion> {
    if requirements.earlier.contains(&candidate.user) {
        return Some(Exclusion::EarlierOwner);
    }
    let counts = |source| filter == SkillFilter::All || source == SkillSource::Given;
    if let Some(RequiredSkill { skill, level: required, .. }) = lacking(requirements, candidate, counts) {
        let (skill, required) = (skill.clone(), *required);
        return Some(match level(candidate, &skill) {
            0 => Exclusion::MissingSkill(skill),
            level => Exclusion::SkillLevelTooLow { skill, level, required },
        });
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

/// The candidate's levels of the required skills, each skill once.
fn levels(requirements: &Requirements, candidate: &Candidate) -> Vec<SkillLevel> {
    let mut levels: Vec<SkillLevel> = Vec::new();
    for RequiredSkill { skill, .. } in &requirements.skills {
        if levels.iter().all(|known| known.skill != *skill) {
            levels.push(SkillLevel { skill: skill.clone(), level: level(candidate, skill) });
        }
    }
    levels
}

/// The skill match in 0..1: the mean of the levels.
fn skill_match(levels: &[SkillLevel]) -> f64 {
    if levels.is_empty() {
        return 0.0;
    }
    let sum: i32 = levels.iter().map(|known| known.level).sum();
    let count = u32::try_from(levels.len()).unwrap_or(u32::MAX);
    f64::from(sum) / f64::from(count) / f64::from(*LEVELS.end())
}

/// Scores the candidates of the ticket's team, the best first.
fn score(requirements: &Requirements, candidates: &[Candidate], settings: &Settings, filter: SkillFilter) -> Choice {
    let mut scored: Vec<(&Candidate, ScoredCandidate)> = candidates
        .iter()
        .filter(|candidate| is_in_team(requirements, candidate))
        .map(|candidate| {
            let skills = levels(requirements, candidate);
            let part = |name: &str, value| ScorePart { name: name.to_owned(), value };
            let mut parts = vec![
                part("skillMatch", f64::from(settings.skill_points) * skill_match(&skills)),
                part("openWork", -f64::from(candidate.load)),
            ];
            let solved: Vec<_> = requirements.cases.iter().filter(|case| case.solver == candidate.user).collect();
            if !requirements.cases.is_empty() {
                // Bounded, so that it never outweighs more open work than the setting says.
                let similarity: f64 = solved.iter().map(|case| case.similarity).sum();
                parts.push(part("similarCases", settings.similar_cases_weight * similarity.clamp(0.0, 1.0)));
            }
            let excluded = excluded(requirements, candidate, filter);
            let score = excluded.is_none().then(|| parts.iter().map(|part| part.value).sum());
            let cases = solved.into_iter().map(|case| case.number).collect();
            let workload = Some(Workload { load: candidate.load, capacity: candidate.capacity });
            (candidate, ScoredCandidate { user: candidate.user, excluded, score, parts, skills, cases, workload })
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
    Choice { chosen, candidates: scored, derived_preferred: filter == SkillFilter::Given }
}

/// Chooses among the candidates of the ticket's team. A ticket does not wait because of what its issue type and product let Buoy
/// conclude: if nobody eligible has those skills, they are only preferred.
pub fn choose(requirements: &Requirements, candidates: &[Candidate], settings: &Settings) -> Choice {
    let strict = score(requirements, candidates, settings, SkillFilter::All);
    let has_derived = requirements.skills.iter().any(|required| required.source != SkillSource::Given);
    if strict.chosen.is_some() || !has_derived || !requirements.may_prefer {
        return strict;
    }
    let relaxed = score(requirements, candidates, settings, SkillFilter::Given);
    if relaxed.chosen.is_some() { relaxed } else { strict }
}

/// Why the assignee no longer fits a ticket that changed before they accepted it. `dispatched`: dispatch chose them; if a person
/// did, team and capacity do not count.
pub fn mismatch(requirements: &Requirements, assignee: &Candidate, dispatched: bool) -> Option<Mismatch> {
    if lacking(requirements, assignee, |source| source == SkillSource::Given).is_some() {
        return Some(Mismatch::GivenSkill);
    }
    if dispatched && !is_in_team(requirements, assignee) {
        return Some(Mismatch::Team);
    }
    if lacking(requirements, assignee, |source| source != SkillSource::Given).is_some() {
        return Some(Mismatch::DerivedSkill);
    }
    // The load contains this ticket.
    (dispatched && assignee.load > assignee.capacity).then_some(Mismatch::Capacity)
}

/// The skills of issue types and products that no agent has at that level.
pub fn uncovered_skills(entries: &[Entry], agents: &[Agent]) -> Vec<UncoveredSkill> {
    let is_covered = |required: &SkillLevel| {
        agents.iter().any(|agent| agent.is(Role::Agent) && agent.level(&required.skill) >= required.level)
    };
    let used = entries.iter().filter(|entry| matches!(entry.kind, Kind::IssueType | Kind::Product) && !entry.archived);
    used.flat_map(|entry| entry.required_skills.iter().map(move |required| (entry, required)))
        .filter(|(_, required)| !is_covered(required))
        .map(|(entry, required)| UncoveredSkill { kind: entry.kind, key: entry.key.clone(), skill: required.clone() })
        .collect()
}
