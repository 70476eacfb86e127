use std::collections::BTreeMap;

use uuid::Uuid;

use super::decide::choose;
use super::model::{Candidate, Choice, Exclusion, Need, Settings};
use crate::kernel::{TeamId, Timestamp, UserId};
use crate::people::model::SkillLevel;

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
        reached: true,
        last_assigned_at: Some(Timestamp::from_millis(1_000)),
        stamp: 1,
    }
}

fn need(skills: &[&str]) -> Need {
    Need {
        team: Some(team(1)),
        skills: skills.iter().map(|skill| (*skill).to_owned()).collect(),
        weight: 2,
        earlier: Vec::new(),
    }
}

fn points() -> i32 {
    Settings::default().skill_points
}

#[track_caller]
fn chosen(need: &Need, candidates: &[Candidate], expected: Option<u128>) -> Choice {
    let choice = choose(need, candidates, points());
    assert_eq!(choice.chosen, expected.map(user), "{choice:#?}");
    choice
}

#[test]
fn the_best_skill_wins_until_it_is_too_busy() {
    let expert = |load| candidate(1, &[("electrics", 5)], load);
    let beginner = candidate(2, &[("electrics", 1)], 0);
    chosen(&need(&["electrics"]), &[expert(0), beginner.clone()], Some(1));
    chosen(&need(&["electrics"]), &[expert(7), beginner.clone()], Some(1));
    let choice = chosen(&need(&["electrics"]), &[expert(9), beginner], Some(2));
    let parts: Vec<_> = choice.weighed[0].parts.iter().map(|part| (part.name.as_str(), part.value)).collect();
    assert_eq!((choice.weighed[0].score, parts), (Some(2.0), vec![("skillMatch", 2.0), ("openWork", 0.0)]));
}

#[test]
fn everyone_who_may_not_get_it_is_told_why() {
    let can = |n| candidate(n, &[("electrics", 3)], 0);
    let candidates = [
        Candidate { load: 19, ..can(1) },
        Candidate { on_shift: false, ..can(2) },
        Candidate { away: true, ..can(3) },
        Candidate { delegated: true, ..can(4) },
        Candidate { reached: false, ..can(5) },
        candidate(6, &[("welding", 5)], 0),
        can(7),
        Candidate { teams: vec![team(2)], ..can(8) },
    ];
    let need = Need { earlier: vec![user(7)], ..need(&["electrics"]) };
    let choice = chosen(&need, &candidates, None);
    let mut reasons: Vec<_> =
        choice.weighed.into_iter().map(|weighed| (weighed.user, weighed.excluded.unwrap())).collect();
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
fn of_equals_the_one_idle_longest_gets_it() {
    let at = |n, millis: Option<i64>| Candidate {
        last_assigned_at: millis.map(Timestamp::from_millis),
        ..candidate(n, &[], 4)
    };
    chosen(&need(&[]), &[at(1, Some(900)), at(2, Some(100)), at(3, Some(500))], Some(2));
    chosen(&need(&[]), &[at(1, Some(900)), at(2, Some(100)), at(3, None)], Some(3));
}

/// The same numbers on every run, from nothing but their order.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

const SKILLS: [&str; 6] = ["electrics", "hydraulics", "plc", "network", "erp", "welding"];

/// Sixty agents of three teams: one to four skills each, three shifts, capacities from part time to full.
fn crew(chance: &mut Chance) -> Vec<Candidate> {
    (0..60_u64)
        .map(|n| {
            let mut of: BTreeMap<&str, i32> = BTreeMap::new();
            for _ in 0..=chance.below(3) {
                let level = i32::try_from(1 + chance.below(5)).unwrap();
                of.insert(SKILLS[usize::try_from(chance.below(6)).unwrap()], level);
            }
            let of: Vec<_> = of.into_iter().collect();
            let capacity = i32::try_from(8 + 4 * chance.below(5)).unwrap();
            Candidate {
                teams: vec![team(u128::from(n % 3))],
                capacity,
                last_assigned_at: None,
                ..candidate(u128::from(n) + 1, &of, 0)
            }
        })
        .collect()
}

/// How a simulated help desk gives a ticket to somebody.
type Rule = fn(&Need, &[Candidate], &mut Chance, u64) -> Option<usize>;

fn eligible(need: &Need, all: &[Candidate]) -> Vec<usize> {
    let choice = choose(need, all, points());
    let ids: Vec<UserId> = choice.weighed.iter().filter(|w| w.score.is_some()).map(|w| w.user).collect();
    (0..all.len()).filter(|place| ids.contains(&all[*place].user)).collect()
}

fn by_dispatch(need: &Need, all: &[Candidate], _: &mut Chance, _: u64) -> Option<usize> {
    let chosen = choose(need, all, points()).chosen?;
    all.iter().position(|candidate| candidate.user == chosen)
}

fn at_random(need: &Need, all: &[Candidate], chance: &mut Chance, _: u64) -> Option<usize> {
    let free = eligible(need, all);
    if free.is_empty() { None } else { Some(free[usize::try_from(chance.below(free.len() as u64)).unwrap()]) }
}

fn round_robin(need: &Need, all: &[Candidate], _: &mut Chance, turn: u64) -> Option<usize> {
    let free = eligible(need, all);
    if free.is_empty() { None } else { Some(free[usize::try_from(turn).unwrap() % free.len()]) }
}

#[derive(Debug, Default)]
struct Outcome {
    came: u64,
    assigned: u64,
    /// Sum of the levels of the skills asked for.
    skill: f64,
    /// Sum, over assignments, of how much more the chosen had to do than the least busy of the equally skilled.
    unfair: f64,
    /// Minutes that tickets waited in the queue.
    waited: u64,
}

/// Ten thousand tickets over some weeks: mixed skills, shifts that change every eight hours, absences, work that takes its time.
fn simulate(rule: Rule) -> Outcome {
    let mut chance = Chance(42);
    let mut crew = crew(&mut chance);
    let mut outcome = Outcome::default();
    let mut queue: Vec<(u64, Need)> = Vec::new();
    let mut running: Vec<(u64, usize, i32)> = Vec::new();
    // What the rule draws changes nothing of what comes.
    let mut own = Chance(7);
    let mut turn = 0;
    for minute in 0_u64.. {
        if minute % 480 == 0 {
            for (n, candidate) in crew.iter_mut().enumerate() {
                candidate.on_shift = !(minute / 480 + n as u64).is_multiple_of(3);
                candidate.away = chance.below(20) == 0;
            }
        }
        running.retain(|(end, place, weight)| {
            if *end <= minute {
                crew[*place].load -= weight;
            }
            *end > minute
        });
        let created = minute / 2;
        if minute % 2 == 0 && created < 10_000 {
            let mut wanted: Vec<&str> =
                (0..chance.below(3)).map(|_| SKILLS[usize::try_from(chance.below(6)).unwrap()]).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let weight = i32::try_from(1 + chance.below(4)).unwrap();
            let team = (chance.below(4) > 0).then(|| team(u128::from(chance.below(3))));
            let need = Need { team, weight, ..need(&wanted) };
            // What nobody of the team can do at all waits for ever, whatever the rule.
            if crew.iter().any(|c| can(&need, c)) {
                outcome.came += 1;
                queue.push((minute, need));
            }
        }
        // The queue drains now and then; who comes is looked at when they come.
        let mut left = Vec::new();
        for (since, need) in std::mem::take(&mut queue) {
            if since != minute && minute % 120 != 0 {
                left.push((since, need));
                continue;
            }
            let Some(place) = rule(&need, &crew, &mut own, turn) else {
                left.push((since, need));
                continue;
            };
            turn += 1;
            judge(&need, &crew, place, &mut outcome);
            outcome.waited += minute - since;
            let candidate = &mut crew[place];
            assert!(candidate.load + need.weight <= candidate.capacity && candidate.on_shift && !candidate.away);
            candidate.load += need.weight;
            candidate.last_assigned_at = Some(Timestamp::from_millis(i64::try_from(minute).unwrap()));
            running.push((minute + 20 + chance.below(100), place, need.weight));
        }
        queue = left;
        if created >= 10_000 && (queue.is_empty() || minute >= 24_000) {
            return outcome;
        }
    }
    outcome
}

fn can(need: &Need, candidate: &Candidate) -> bool {
    need.team.is_none_or(|team| candidate.teams.contains(&team))
        && need.skills.iter().all(|skill| level(candidate, skill) > 0)
}

fn level(candidate: &Candidate, skill: &String) -> i32 {
    candidate.skills.iter().find(|known| known.skill == *skill).map_or(0, |known| known.level)
}

fn judge(need: &Need, crew: &[Candidate], place: usize, outcome: &mut Outcome) {
    let sum = |candidate: &Candidate| need.skills.iter().map(|skill| level(candidate, skill)).sum::<i32>();
    let chosen = &crew[place];
    let equals = eligible(need, crew).into_iter().map(|place| &crew[place]).filter(|other| sum(other) == sum(chosen));
    let least = equals.map(|other| other.load).min().unwrap_or(chosen.load);
    outcome.assigned += 1;
    outcome.skill += f64::from(sum(chosen)) / f64::from(u32::try_from(need.skills.len().max(1)).unwrap());
    outcome.unfair += f64::from(chosen.load - least);
}

#[test]
fn work_is_spread_better_than_at_random_or_in_turn() {
    let dispatched = simulate(by_dispatch);
    let random = simulate(at_random);
    let in_turn = simulate(round_robin);
    assert!(dispatched.came > 9_000 && dispatched.assigned == dispatched.came, "{dispatched:?}");
    // Of the equally skilled, eligible and free, nobody had less to do: not by one ticket's weight, not at all.
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
