use std::collections::BTreeMap;

use uuid::Uuid;

use super::decide::{choose, mismatch, required_skills, uncovered_skills};
use super::model::{
    Candidate, Choice, Exclusion, Mismatch, RequiredSkill, Requirements, Settings, SkillSource, Workload,
    normal_tickets,
};
use crate::catalogue::model::{Entry, Kind};
use crate::kernel::{Role, TeamId, TicketId, Timestamp, UserId};
use crate::people::model::{Agent, SkillLevel};
use crate::tickets::model::SolvedCase;

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn team(n: u128) -> TeamId {
    TeamId(Uuid::from_u128(n))
}

fn skills(of: &[(&str, i32)]) -> Vec<SkillLevel> {
    of.iter().map(|(skill, level)| SkillLevel { skill: (*skill).to_owned(), level: *level }).collect()
}

fn candidate(n: u128, of: &[(&str, i32)], load: i32) -> Candidate {
    Candidate {
        user: user(n),
        teams: vec![team(1)],
        skills: skills(of),
        capacity: 20,
        load,
        on_shift: true,
        away: false,
        delegated: false,
        reachable: true,
        last_assigned_at: Some(Timestamp::from_millis(1_000)),
        stamp: 1,
    }
}

fn requirements(skills: &[&str]) -> Requirements {
    let given: Vec<String> = skills.iter().map(|skill| (*skill).to_owned()).collect();
    Requirements {
        team: Some(team(1)),
        skills: required_skills(&given, None, None),
        may_prefer: true,
        weight: 2,
        earlier: Vec::new(),
        cases: Vec::new(),
    }
}

/// An issue type or a product that requires these skills.
fn entry(kind: Kind, required: &[(&str, i32)]) -> Entry {
    Entry {
        kind,
        key: "KEY".to_owned(),
        name: "name".to_owned(),
        name_zh: None,
        archived: false,
        team: None,
        confidential: false,
        required_skills: skills(required),
        aliases: Vec::new(),
    }
}

#[track_caller]
fn chosen(requirements: &Requirements, candidates: &[Candidate], expected: Option<u128>) -> Choice {
    let choice = choose(requirements, candidates, &Settings::default());
    assert_eq!(choice.chosen, expected.map(user), "{choice:#?}");
    choice
}

#[test]
fn the_most_skilled_agent_is_chosen_until_too_busy() {
    let expert = |load| candidate(1, &[("electrics", 5)], load);
    let beginner = candidate(2, &[("electrics", 1)], 0);
    chosen(&requirements(&["electrics"]), &[expert(0), beginner.clone()], Some(1));
    chosen(&requirements(&["electrics"]), &[expert(7), beginner.clone()], Some(1));
    let choice = chosen(&requirements(&["electrics"]), &[expert(9), beginner], Some(2));
    let parts: Vec<_> = choice.candidates[0].parts.iter().map(|part| (part.name.as_str(), part.value)).collect();
    assert_eq!((choice.candidates[0].score, parts), (Some(2.0), vec![("skillMatch", 2.0), ("openWork", 0.0)]));
}

#[test]
fn every_excluded_candidate_has_a_reason() {
    let can = |n| candidate(n, &[("electrics", 3)], 0);
    let candidates = [
        Candidate { load: 19, ..can(1) },
        Candidate { on_shift: false, ..can(2) },
        Candidate { away: true, ..can(3) },
        Candidate { delegated: true, ..can(4) },
        Candidate { reachable: false, ..can(5) },
        candidate(6, &[("welding", 5)], 0),
        can(7),
        Candidate { teams: vec![team(2)], ..can(8) },
    ];
    let requirements = Requirements { earlier: vec![user(7)], ..requirements(&["electrics"]) };
    let choice = chosen(&requirements, &candidates, None);
    let mut reasons: Vec<_> =
        choice.candidates.into_iter().map(|weighed| (weighed.user, weighed.excluded.unwrap())).collect();
    reasons.sort_by_key(|(user, _)| *user);
    assert_eq!(
        reasons,
        [
            (user(1), Exclusion::AtCapacity),
            (user(2), Exclusion::OffShift),
            (user(3), Exclusion::Away),
            (user(4), Exclusion::Delegated),
            (user(5), Exclusion::Unreachable),
            (user(6), Exclusion::MissingSkill("electrics".to_owned())),
            (user(7), Exclusion::EarlierOwner),
        ]
    );
}

#[test]
fn ties_go_to_the_agent_idle_longest() {
    let at = |n, millis: Option<i64>| Candidate {
        last_assigned_at: millis.map(Timestamp::from_millis),
        ..candidate(n, &[], 4)
    };
    chosen(&requirements(&[]), &[at(1, Some(900)), at(2, Some(100)), at(3, Some(500))], Some(2));
    chosen(&requirements(&[]), &[at(1, Some(900)), at(2, Some(100)), at(3, None)], Some(3));
}

#[test]
fn a_ticket_requires_what_was_given_and_what_issue_type_and_product_require() {
    let issue_type = entry(Kind::IssueType, &[("plc", 2)]);
    let product = entry(Kind::Product, &[("plc", 4), ("electrics", 3)]);
    let required = required_skills(&["plc".to_owned()], Some(&issue_type), Some(&product));
    let expected = [
        ("plc", 1, SkillSource::Given),
        ("plc", 2, SkillSource::IssueType),
        ("plc", 4, SkillSource::Product),
        ("electrics", 3, SkillSource::Product),
    ];
    let of =
        |(skill, level, source): (&str, i32, SkillSource)| RequiredSkill { skill: skill.to_owned(), level, source };
    assert_eq!(required, expected.map(of));
    // The highest level counts, and each skill once in the score.
    let requirements = Requirements { skills: required, ..requirements(&[]) };
    let can = |n, plc| candidate(n, &[("plc", plc), ("electrics", 3)], 0);
    let choice = chosen(&requirements, &[can(1, 3), can(2, 4), candidate(3, &[("plc", 5)], 0)], Some(2));
    assert_eq!((choice.derived_preferred, choice.candidates[0].parts[0].value), (false, 7.0));
    assert_eq!(choice.candidates[0].skills, skills(&[("plc", 4), ("electrics", 3)]));
    let reasons: Vec<_> = choice.candidates.into_iter().skip(1).map(|scored| scored.excluded.unwrap()).collect();
    let too_low = Exclusion::SkillLevelTooLow { skill: "plc".to_owned(), level: 3, required: 4 };
    assert_eq!(reasons, [too_low, Exclusion::MissingSkill("electrics".to_owned())]);
}

#[test]
fn derived_skills_yield_before_a_ticket_waits_and_given_ones_do_not() {
    let product = entry(Kind::Product, &[("electrics", 3)]);
    let derived = |given: &[&str]| {
        let given: Vec<String> = given.iter().map(|skill| (*skill).to_owned()).collect();
        Requirements { skills: required_skills(&given, None, Some(&product)), ..requirements(&[]) }
    };
    let electrician = candidate(1, &[("electrics", 3)], 0);
    let apprentice = candidate(2, &[("electrics", 1)], 0);
    let other = candidate(3, &[("network", 5)], 0);
    let away = Candidate { away: true, ..electrician.clone() };
    for (requirements, candidates, expected, preferred) in [
        (derived(&[]), vec![&electrician, &apprentice, &other], Some(1), false),
        // The nearest skill is preferred.
        (derived(&[]), vec![&away, &apprentice, &other], Some(2), true),
        (derived(&[]), vec![&away, &other], Some(3), true),
        (derived(&[]), vec![&away], None, false),
        // What was given still excludes.
        (derived(&["network"]), vec![&away, &apprentice, &other], Some(3), true),
        (derived(&["plc"]), vec![&electrician, &apprentice, &other], None, false),
        (derived(&["electrics"]), vec![&away, &apprentice, &other], Some(2), true),
        (Requirements { may_prefer: false, ..derived(&[]) }, vec![&away, &other], None, false),
    ] {
        let candidates: Vec<Candidate> = candidates.into_iter().cloned().collect();
        let choice = chosen(&requirements, &candidates, expected);
        assert_eq!(choice.derived_preferred, preferred, "{choice:#?}");
    }
}

#[test]
fn who_solved_similar_cases_gets_points_that_outweigh_at_most_one_normal_ticket() {
    let case = |number: i64, similarity, solver| SolvedCase {
        ticket: TicketId(Uuid::nil()),
        number,
        similarity,
        solver: user(solver),
    };
    let similar = |cases: &[SolvedCase]| Requirements { cases: cases.to_vec(), ..requirements(&[]) };
    let busy = |load| [candidate(1, &[], load), candidate(2, &[], 0)];
    let weak = [case(7, 0.3, 1)];
    let many = [case(7, 0.9, 1), case(8, 0.8, 1), case(9, 0.4, 2)];
    for (cases, load, expected, points) in [
        (&weak[..], 0, 1, [0.6, 0.0]),
        (&weak[..], 1, 2, [0.0, 0.6]),
        (&many[..], 1, 1, [2.0, 0.8]),
        // Two steps of load are more than any number of cases.
        (&many[..], 2, 2, [0.8, 2.0]),
        (&many[..], 4, 2, [0.8, 2.0]),
    ] {
        let choice = chosen(&similar(cases), &busy(load), Some(expected));
        let of = |place: usize| choice.candidates[place].parts[2].value;
        assert_eq!([of(0), of(1)], points, "{choice:#?}");
    }
    let choice = chosen(&similar(&many), &busy(0), Some(1));
    assert_eq!((&choice.candidates[0].cases[..], &choice.candidates[1].cases[..]), (&[7, 8][..], &[9][..]));
    assert_eq!(choice.candidates[0].workload, Some(Workload { load: 0, capacity: 20 }));
    // Switched off.
    let off = Settings { similar_cases_weight: 0.0, ..Settings::default() };
    let choice = choose(&similar(&many), &busy(1), &off);
    assert_eq!((choice.chosen, choice.candidates[0].parts[2].value), (Some(user(2)), 0.0));
}

#[test]
fn an_assignee_no_longer_fits_for_these_reasons() {
    let product = entry(Kind::Product, &[("electrics", 3)]);
    let derived = Requirements { skills: required_skills(&[], None, Some(&product)), ..requirements(&[]) };
    let other_team = Requirements { team: Some(team(2)), ..requirements(&[]) };
    let can = |level| candidate(1, &[("electrics", level)], 20);
    let full = candidate(1, &[], 21);
    for (requirements, assignee, dispatched, expected) in [
        (&requirements(&["electrics"]), can(1), true, None),
        (&requirements(&["plc"]), can(5), false, Some(Mismatch::GivenSkill)),
        (&derived, can(3), true, None),
        (&derived, can(2), false, Some(Mismatch::DerivedSkill)),
        // A person may assign a ticket to another team, or to somebody without capacity left.
        (&other_team, can(3), true, Some(Mismatch::Team)),
        (&other_team, can(3), false, None),
        (&requirements(&[]), full.clone(), true, Some(Mismatch::Capacity)),
        (&requirements(&[]), full, false, None),
    ] {
        assert_eq!(mismatch(requirements, &assignee, dispatched), expected, "{requirements:?} {assignee:?}");
    }
}

#[test]
fn required_skills_without_an_agent_are_found() {
    let agent = |roles: &[Role], of: &[(&str, i32)]| Agent {
        id: user(1),
        name: String::new(),
        email: String::new(),
        roles: roles.to_vec(),
        teams: Vec::new(),
        skills: skills(of),
        supervisor: None,
        capacity: 20,
        calendar: None,
        absences: Vec::new(),
    };
    let entries = [
        entry(Kind::IssueType, &[("electrics", 3)]),
        entry(Kind::Product, &[("electrics", 4), ("plc", 1)]),
        Entry { archived: true, ..entry(Kind::Product, &[("welding", 1)]) },
    ];
    // Dispatch assigns tickets to agents only.
    let agents = [agent(&[Role::Agent], &[("electrics", 3)]), agent(&[Role::Supervisor], &[("plc", 5)])];
    let found = uncovered_skills(&entries, &agents);
    let found: Vec<_> = found.iter().map(|found| (found.kind, found.skill.skill.as_str(), found.skill.level)).collect();
    assert_eq!(found, [(Kind::Product, "electrics", 4), (Kind::Product, "plc", 1)]);
}

#[test]
fn points_are_said_as_normal_tickets() {
    for (points, tickets) in [(0, 0), (1, 1), (2, 1), (6, 3), (7, 4), (20, 10)] {
        assert_eq!(normal_tickets(points), tickets, "{points}");
    }
}

/// A deterministic generator of pseudo-random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

const SKILLS: [&str; 6] = ["electrics", "hydraulics", "plc", "network", "erp", "welding"];

/// Sixty agents of three teams: one to four skills each, three shifts, capacities from part time to full.
fn agents(random: &mut Random) -> Vec<Candidate> {
    (0..60_u64)
        .map(|n| {
            let mut of: BTreeMap<&str, i32> = BTreeMap::new();
            for _ in 0..=random.below(3) {
                let level = i32::try_from(1 + random.below(5)).unwrap();
                of.insert(SKILLS[usize::try_from(random.below(6)).unwrap()], level);
            }
            let of: Vec<_> = of.into_iter().collect();
            let capacity = i32::try_from(8 + 4 * random.below(5)).unwrap();
            Candidate {
                teams: vec![team(u128::from(n % 3))],
                capacity,
                last_assigned_at: None,
                ..candidate(u128::from(n) + 1, &of, 0)
            }
        })
        .collect()
}

/// How a simulated help desk chooses an assignee.
type Rule = fn(&Requirements, &[Candidate], &mut Random, u64) -> Option<usize>;

fn eligible(requirements: &Requirements, all: &[Candidate]) -> Vec<usize> {
    let choice = choose(requirements, all, &Settings::default());
    let ids: Vec<UserId> = choice.candidates.iter().filter(|w| w.score.is_some()).map(|w| w.user).collect();
    (0..all.len()).filter(|place| ids.contains(&all[*place].user)).collect()
}

fn by_dispatch(requirements: &Requirements, all: &[Candidate], _: &mut Random, _: u64) -> Option<usize> {
    let chosen = choose(requirements, all, &Settings::default()).chosen?;
    all.iter().position(|candidate| candidate.user == chosen)
}

fn at_random(requirements: &Requirements, all: &[Candidate], random: &mut Random, _: u64) -> Option<usize> {
    let free = eligible(requirements, all);
    if free.is_empty() { None } else { Some(free[usize::try_from(random.below(free.len() as u64)).unwrap()]) }
}

fn round_robin(requirements: &Requirements, all: &[Candidate], _: &mut Random, turn: u64) -> Option<usize> {
    let free = eligible(requirements, all);
    if free.is_empty() { None } else { Some(free[usize::try_from(turn).unwrap() % free.len()]) }
}

#[derive(Debug, Default)]
struct Outcome {
    received: u64,
    assigned: u64,
    /// Sum of the levels of required skills.
    skill: f64,
    /// Sum over assignments: load of the chosen agent less that of the least busy equally skilled one.
    unfair: f64,
    /// Minutes that tickets waited in the queue.
    waited: u64,
}

/// Ten thousand tickets over some weeks, with mixed skills, eight-hour shifts, absences and varying work times.
fn simulate(rule: Rule) -> Outcome {
    let mut random = Random(42);
    let mut agents = agents(&mut random);
    let mut outcome = Outcome::default();
    let mut queue: Vec<(u64, Requirements)> = Vec::new();
    let mut running: Vec<(u64, usize, i32)> = Vec::new();
    // A separate generator: the rule's draws must not change the tickets.
    let mut rule_random = Random(7);
    let mut turn = 0;
    for minute in 0_u64.. {
        if minute % 480 == 0 {
            for (n, candidate) in agents.iter_mut().enumerate() {
                candidate.on_shift = !(minute / 480 + n as u64).is_multiple_of(3);
                candidate.away = random.below(20) == 0;
            }
        }
        running.retain(|(end, place, weight)| {
            if *end <= minute {
                agents[*place].load -= weight;
            }
            *end > minute
        });
        let created = minute / 2;
        if minute % 2 == 0 && created < 10_000 {
            let mut wanted: Vec<&str> =
                (0..random.below(3)).map(|_| SKILLS[usize::try_from(random.below(6)).unwrap()]).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let weight = i32::try_from(1 + random.below(4)).unwrap();
            let team = (random.below(4) > 0).then(|| team(u128::from(random.below(3))));
            let requirements = Requirements { team, weight, ..requirements(&wanted) };
            // Skip tickets that nobody of the team can ever do.
            if agents.iter().any(|c| can(&requirements, c)) {
                outcome.received += 1;
                queue.push((minute, requirements));
            }
        }
        // New tickets are dispatched at once, queued ones every 120 minutes.
        let mut still_queued = Vec::new();
        for (since, requirements) in std::mem::take(&mut queue) {
            if since != minute && minute % 120 != 0 {
                still_queued.push((since, requirements));
                continue;
            }
            let Some(place) = rule(&requirements, &agents, &mut rule_random, turn) else {
                still_queued.push((since, requirements));
                continue;
            };
            turn += 1;
            measure(&requirements, &agents, place, &mut outcome);
            outcome.waited += minute - since;
            let candidate = &mut agents[place];
            assert!(
                candidate.load + requirements.weight <= candidate.capacity && candidate.on_shift && !candidate.away
            );
            candidate.load += requirements.weight;
            candidate.last_assigned_at = Some(Timestamp::from_millis(i64::try_from(minute).unwrap()));
            running.push((minute + 20 + random.below(100), place, requirements.weight));
        }
        queue = still_queued;
        if created >= 10_000 && (queue.is_empty() || minute >= 24_000) {
            return outcome;
        }
    }
    outcome
}

fn can(requirements: &Requirements, candidate: &Candidate) -> bool {
    requirements.team.is_none_or(|team| candidate.teams.contains(&team))
        && requirements.skills.iter().all(|required| level(candidate, &required.skill) > 0)
}

fn level(candidate: &Candidate, skill: &str) -> i32 {
    candidate.skills.iter().find(|known| known.skill == *skill).map_or(0, |known| known.level)
}

fn measure(requirements: &Requirements, agents: &[Candidate], place: usize, outcome: &mut Outcome) {
    let sum = |candidate: &Candidate| requirements.skills.iter().map(|of| level(candidate, &of.skill)).sum::<i32>();
    let chosen = &agents[place];
    let equals = eligible(requirements, agents)
        .into_iter()
        .map(|place| &agents[place])
        .filter(|other| sum(other) == sum(chosen));
    let least = equals.map(|other| other.load).min().unwrap_or(chosen.load);
    outcome.assigned += 1;
    outcome.skill += f64::from(sum(chosen)) / f64::from(u32::try_from(requirements.skills.len().max(1)).unwrap());
    outcome.unfair += f64::from(chosen.load - least);
}

#[test]
fn dispatch_beats_random_and_round_robin() {
    let dispatched = simulate(by_dispatch);
    let random = simulate(at_random);
    let in_turn = simulate(round_robin);
    assert!(dispatched.received > 9_000 && dispatched.assigned == dispatched.received, "{dispatched:?}");
    // No equally skilled eligible agent ever had less load.
    assert_eq!(dispatched.unfair, 0.0, "{dispatched:?}");
    for other in [&random, &in_turn] {
        assert!(other.unfair / (other.assigned as f64) > 0.5, "{other:?}");
        assert!(
            dispatched.skill / dispatched.assigned as f64 > 1.05 * other.skill / other.assigned as f64,
            "{dispatched:?} {other:?}"
        );
        assert!(dispatched.waited <= other.waited + other.waited / 10 + 1_000, "{dispatched:?} {other:?}");
    }
}
