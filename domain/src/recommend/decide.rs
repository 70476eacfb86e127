//! The order of cases, and what it learns.

use std::collections::{HashMap, HashSet};

use search::{Choice, Hit, Verdict, Weights};
use serde::{Deserialize, Serialize};

use super::model::{FLOOR, PUSHED, SimilarCase, Suggestion, SuggestionState, Verdicts};
use crate::kernel::{CardId, Message, TicketId, Timestamp};
use crate::knowledge::decide::lower_bound;
use crate::knowledge::model::Standing;
use crate::notifications::model::Tongue;
use crate::tickets::model::Attribution;

/// What a case keeps of its likeness for each time that it was reopened.
const REOPENED: f32 = 0.85;
const REOPENED_LEAST: f32 = 0.5;
/// What a case loses whose solution fails for sure.
const FAILS: f64 = 0.5;

/// What a case keeps of its likeness: a solution that did not last sinks, by how often it was reopened and by how surely it fails
/// those who cite it; and so does one that others dismiss for what it says.
#[expect(clippy::cast_possible_truncation, reason = "a share")]
pub fn sinks(reopened: i32, standing: Option<&Standing>, verdicts: Verdicts) -> f32 {
    let lasts = REOPENED.powi(reopened).max(REOPENED_LEAST);
    let fails = standing.and_then(|standing| {
        let [soon, ..] = standing.survival;
        lower_bound(soon.failed + standing.failed_early, soon.known() + standing.failed_early)
    });
    let Verdicts { cited, dismissed } = verdicts;
    let unwanted = lower_bound(dismissed, dismissed + cited);
    let keeps = |share: Option<f64>| 1.0 - FAILS * share.unwrap_or_default();
    lasts * (keeps(fails) * keeps(unwanted)) as f32
}

/// Best first, down to the floor; of the cases of one card the best alone.
pub fn arrange(mut cases: Vec<SimilarCase>, limit: usize, one_per_card: bool) -> Vec<SimilarCase> {
    cases.retain(|case| case.score >= FLOOR);
    cases.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut cards = HashSet::new();
    cases.retain(|case| !one_per_card || case.card.is_none_or(|card| cards.insert(card)));
    cases.truncate(limit);
    cases
}

/// Cases as lines of a message: number, likeness, title, the beginning of the solution, and where it is to be found.
pub fn lines(
    cases: &[SimilarCase],
    solutions: &HashMap<TicketId, Attribution>,
    base: Option<&str>,
    solution_chars: usize,
    tongue: Tongue,
) -> Vec<String> {
    let head = tongue.pick(&Message::new("Solved before:", "相似的已解决案例："));
    let line = |case: &SimilarCase| {
        let ticket = &case.view.ticket;
        let mut line = format!("#{} {:.0} % {}", ticket.number, case.score * 100.0, ticket.title);
        if let Some(solution) = solutions.get(&ticket.id) {
            let said = solution.given.resolution.split_whitespace().collect::<Vec<_>>().join(" ");
            let begin: String = said.chars().take(solution_chars).collect();
            let more = if begin.len() < said.len() { "…" } else { "" };
            line.push_str(&format!(" — {begin}{more}"));
        }
        if let Some(base) = base {
            line.push_str(&format!(" {}/tickets/{}", base.trim_end_matches('/'), ticket.number));
        }
        line
    };
    if cases.is_empty() { Vec::new() } else { std::iter::once(head).chain(cases.iter().map(line)).collect() }
}

/// Tickets with an answer before anything is learned from them.
pub const QUESTIONS_MIN: usize = 30;
/// How many standard errors the mean gain has to lie above nothing, to be more than chance (one-sided, 95 %).
const SURE: f64 = 1.645;

/// What was learned from the cases that people cited.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    pub weights: Weights,
    /// Tickets that it was learned from.
    pub questions: usize,
    /// The mean reciprocal rank of the first cited case among those that people see, on the latest third of the tickets, with the
    /// weights that everybody begins with.
    pub before: f64,
    /// The same with weights learned from the tickets before them.
    pub after: f64,
    /// The gain is more than chance: they are used.
    pub used: bool,
}

/// What was chosen among what could have been: not what was solved only afterwards; and of a card one case is shown, so another case of one that
/// was named is not passed over, and of others the best stands for all.
pub fn choice(
    said: &HashMap<TicketId, Suggestion>,
    hits: &[Hit],
    solved_at: &HashMap<TicketId, Timestamp>,
    cards: &HashMap<TicketId, CardId>,
) -> Choice {
    let cited = || said.values().filter(|of| of.state == SuggestionState::Cited);
    let chosen_at = cited().filter_map(|of| of.settled_at).min();
    let mut taken: HashSet<CardId> = said.keys().filter_map(|case| cards.get(case).copied()).collect();
    let mut candidate = |hit: &Hit| {
        let case = TicketId(hit.id);
        let verdict = match said.get(&case).map(|of| of.state) {
            Some(SuggestionState::Cited) => Verdict::Chosen,
            Some(SuggestionState::Dismissed) => Verdict::Refused,
            Some(SuggestionState::Shown) => Verdict::Passed,
            None if solved_at.get(&case).copied() > chosen_at => return None,
            None if cards.get(&case).is_some_and(|card| !taken.insert(*card)) => return None,
            None => Verdict::Passed,
        };
        Some((hit.traits, verdict))
    };
    Choice { candidates: hits.iter().filter_map(&mut candidate).collect() }
}

/// Of the first cited case; 0 where it stands behind those that people see.
#[expect(clippy::cast_precision_loss, reason = "a place")]
fn reciprocal_rank(choice: &Choice, weights: &Weights) -> f64 {
    let place = search::place_of_chosen(choice, weights).filter(|place| *place <= PUSHED);
    place.map_or(0.0, |place| 1.0 / place as f64)
}

/// The mean of these, and its standard error.
#[expect(clippy::cast_precision_loss, reason = "some hundred tickets")]
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// Learns weights from choices in the order of time, from where one begins, and whether they are worth using: the latest third is judged by what those before
/// it taught. `None`: too few of them cite what could have been found.
pub fn learn(choices: &[Choice], begin: &Weights) -> Option<Lesson> {
    let telling = |choice: &&Choice| choice.candidates.iter().any(|(_, verdict)| *verdict == Verdict::Chosen);
    let choices: Vec<Choice> = choices.iter().filter(telling).cloned().collect();
    let questions = choices.len();
    if questions < QUESTIONS_MIN {
        return None;
    }
    let (earlier, latest) = choices.split_at(questions - questions / 3);
    let taught = search::fit(earlier, begin);
    let ranks = |weights: &Weights| latest.iter().map(|choice| reciprocal_rank(choice, weights)).collect::<Vec<_>>();
    let (was, is) = (ranks(begin), ranks(&taught));
    let gains: Vec<f64> = is.iter().zip(&was).map(|(is, was)| is - was).collect();
    let ((before, _), (after, _), (gain, error)) = (mean(&was), mean(&is), mean(&gains));
    let weights = search::fit(&choices, begin);
    Some(Lesson { weights, questions, before, after, used: gain > 0.0 && gain >= SURE * error })
}

#[cfg(test)]
mod tests {
    use search::{Likeness, Shares, Traits};

    use super::*;

    fn traits(text: f32, title: f32) -> Traits {
        let counting = Shares { text: 1.0, head: 0.0, title: 1.0, codes: 0.0, wording: 0.0, meaning: 0.0, topic: 0.0 };
        let likeness = Likeness { text, title, ..Likeness::default() };
        Traits { likeness, counting, facets: 0.0, possible: 1.0, age: 0.0 }
    }

    /// People cite what stands first by its title; or by its text.
    fn cites(by_title: bool) -> Choice {
        let (one, other) = (traits(0.9, 0.3), traits(0.4, 0.9));
        let verdict = |chosen: bool| if chosen { Verdict::Chosen } else { Verdict::Passed };
        Choice { candidates: vec![(one, verdict(!by_title)), (other, verdict(by_title))] }
    }

    #[test]
    fn what_could_not_be_chosen_was_not_passed_over() {
        let id = |n: u128| TicketId(uuid::Uuid::from_u128(n));
        let at = Timestamp::from_millis;
        let [cited, dismissed, same_card, later, passed] = [1, 2, 3, 4, 5].map(id);
        let said = |case, state, settled| Suggestion {
            ticket: id(9),
            case,
            place: None,
            score: None,
            state,
            shown_at: None,
            settled_at: Some(at(settled)),
            reason: None,
        };
        let said: HashMap<TicketId, Suggestion> = [
            said(cited, SuggestionState::Cited, 100),
            // It was solved after the first choice, and somebody said something of it.
            said(dismissed, SuggestionState::Dismissed, 300),
        ]
        .map(|of| (of.case, of))
        .into();
        let solved_at = [(cited, 10), (dismissed, 200), (same_card, 20), (later, 101), (passed, 100)];
        let solved_at = solved_at.map(|(case, millis)| (case, at(millis))).into();
        let card = CardId(uuid::Uuid::from_u128(7));
        let cards = [(cited, card), (same_card, card)].into();
        let hits = [cited, dismissed, same_card, later, passed].map(|case| Hit {
            id: case.0,
            score: 0.5,
            reasons: Vec::new(),
            traits: traits(0.5, 0.5),
        });
        let verdicts: Vec<Verdict> =
            choice(&said, &hits, &solved_at, &cards).candidates.into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(verdicts, [Verdict::Chosen, Verdict::Refused, Verdict::Passed]);
    }

    #[test]
    fn what_people_cite_is_learned_where_it_gains_on_the_tickets_that_came_after() {
        let lesson = learn(&vec![cites(true); 60], &Weights::CHOSEN).expect("a lesson");
        assert!(lesson.used && lesson.after > lesson.before, "{lesson:?}");
        assert_eq!(learn(&vec![cites(true); QUESTIONS_MIN - 1], &Weights::CHOSEN), None, "too little");
        let settled = learn(&vec![cites(false); 60], &Weights::CHOSEN).expect("a lesson");
        assert!(!settled.used, "what stands first already gains nothing: {settled:?}");
        let turned: Vec<Choice> = (0..60).map(|n| cites(n < 40)).collect();
        let lesson = learn(&turned, &Weights::CHOSEN).expect("a lesson");
        assert!(!lesson.used, "what was true once is not now: {lesson:?}");
    }
}
