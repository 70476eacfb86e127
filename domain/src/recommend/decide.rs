//! The ranking of cases, and fitting its weights.

use std::collections::{HashMap, HashSet};

use search::{Hit, Judgement, TrainingExample, Weights};
use serde::{Deserialize, Serialize};

use super::model::{
    FeedbackCounts, SAME_SOLUTION_MIN, SCORE_MIN, SUGGESTED_MAX, SimilarCase, Suggestion, SuggestionState,
};
use crate::kernel::Locale;
use crate::kernel::text::REDACTED;
use crate::kernel::{CardId, TicketId, Timestamp};
use crate::knowledge::decide::lower_bound;
use crate::knowledge::model::ReuseStats;
use crate::msg;
use crate::tickets::model::Attribution;

/// The factor on a case's score for each reopening.
const REOPENED_FACTOR: f32 = 0.85;
const REOPENED_FACTOR_MIN: f32 = 0.5;
/// The largest share of the score that failures or dismissals take.
const FAILURE_PENALTY: f64 = 0.5;

/// The factor in 0..=1 on a case's score: it falls with reopenings, with failures among citing tickets, and with dismissals
/// because of the case's content; 1 is no penalty.
#[expect(clippy::cast_possible_truncation, reason = "a share")]
pub fn rank_penalty(reopened: i32, reuse: Option<&ReuseStats>, feedback: FeedbackCounts) -> f32 {
    let durability = REOPENED_FACTOR.powi(reopened).max(REOPENED_FACTOR_MIN);
    let failure_rate = reuse.and_then(|reuse| {
        let [soon, ..] = reuse.survival;
        lower_bound(soon.failed + reuse.failed_early, soon.known() + reuse.failed_early)
    });
    let FeedbackCounts { cited, dismissed } = feedback;
    let dismissal_rate = lower_bound(dismissed, dismissed + cited);
    let penalised = |share: Option<f64>| 1.0 - FAILURE_PENALTY * share.unwrap_or_default();
    durability * (penalised(failure_rate) * penalised(dismissal_rate)) as f32
}

/// Best first, from the minimum score; of each solution only the best case: of a card, or of texts that are nearly the same.
pub fn rank_cases(mut cases: Vec<SimilarCase>, limit: usize, one_per_solution: bool) -> Vec<SimilarCase> {
    cases.retain(|case| case.score >= SCORE_MIN);
    cases.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut ranked: Vec<SimilarCase> = Vec::with_capacity(limit.min(cases.len()));
    for case in cases {
        if ranked.len() == limit {
            break;
        }
        if !(one_per_solution && ranked.iter().any(|before| have_same_solution(before, &case))) {
            ranked.push(case);
        }
    }
    ranked
}

fn have_same_solution(one: &SimilarCase, other: &SimilarCase) -> bool {
    (one.card.is_some() && one.card == other.card) || one.solution.similarity(&other.solution) >= SAME_SOLUTION_MIN
}

/// The text of a case by which its solution is compared with others.
pub fn solution_text<'t>(title: &'t str, attribution: Option<&'t Attribution>) -> &'t str {
    let resolution = attribution.map(|attribution| attribution.details.resolution.trim());
    resolution.filter(|text| !text.is_empty() && *text != REDACTED.as_str()).unwrap_or(title)
}

/// Cases as lines of a message: number, score, title, the beginning of the solution, and a link.
pub fn message_lines(
    cases: &[SimilarCase],
    solutions: &HashMap<TicketId, String>,
    base: Option<&str>,
    solution_chars: usize,
    locale: Locale,
) -> Vec<String> {
    let head = msg!("recommend-solved-before").text(locale);
    let line = |case: &SimilarCase| {
        let ticket = &case.view.ticket;
        let mut line = format!("#{} {:.0} % {}", ticket.number, case.score * 100.0, ticket.request.title);
        if let Some(solution) = solutions.get(&ticket.id) {
            let text = solution.split_whitespace().collect::<Vec<_>>().join(" ");
            let excerpt: String = text.chars().take(solution_chars).collect();
            let ellipsis = if excerpt.len() < text.len() { "…" } else { "" };
            line.push_str(&format!(" — {excerpt}{ellipsis}"));
        }
        if let Some(base) = base {
            line.push_str(&format!(" {}/tickets/{}", base.trim_end_matches('/'), ticket.number));
        }
        line
    };
    if cases.is_empty() { Vec::new() } else { std::iter::once(head).chain(cases.iter().map(line)).collect() }
}

/// The fewest tickets with a citation to fit weights from.
pub const QUESTIONS_MIN: usize = 30;
/// The mean gain must exceed this many standard errors to be significant (one-sided, 95 %).
const GAIN_Z_MIN: f64 = 1.645;

/// The result of fitting weights to cited cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedWeights {
    pub weights: Weights,
    /// The number of tickets used.
    pub questions: usize,
    /// The mean reciprocal rank of the first cited case among those shown, on the latest third of the tickets, with the
    /// default weights.
    pub before: f64,
    /// The same with weights fitted to the earlier tickets.
    pub after: f64,
    /// The gain is significant, so the weights are used.
    pub used: bool,
}

/// The training example of a ticket: cited, dismissed and passed-over candidates. Left out are cases solved after the citation, and, because
/// one case per card is shown, further cases of a card.
pub fn choice(
    suggestions: &HashMap<TicketId, Suggestion>,
    hits: &[Hit],
    solved_at: &HashMap<TicketId, Timestamp>,
    cards: &HashMap<TicketId, CardId>,
) -> TrainingExample {
    let cited = || suggestions.values().filter(|of| of.state == SuggestionState::Cited);
    let chosen_at = cited().filter_map(|of| of.settled_at).min();
    let mut seen_cards: HashSet<CardId> = suggestions.keys().filter_map(|case| cards.get(case).copied()).collect();
    let mut candidate = |hit: &Hit| {
        let case = TicketId(hit.id);
        let verdict = match suggestions.get(&case).map(|of| of.state) {
            Some(SuggestionState::Cited) => Judgement::Relevant,
            Some(SuggestionState::Dismissed) => Judgement::Irrelevant,
            Some(SuggestionState::Shown) => Judgement::Skipped,
            None if solved_at.get(&case).copied() > chosen_at => return None,
            None if cards.get(&case).is_some_and(|card| !seen_cards.insert(*card)) => return None,
            None => Judgement::Skipped,
        };
        Some((hit.features, verdict))
    };
    TrainingExample { candidates: hits.iter().filter_map(&mut candidate).collect() }
}

/// Of the first cited case; 0 if it ranks below those that are shown.
#[expect(clippy::cast_precision_loss, reason = "a rank")]
fn reciprocal_rank(choice: &TrainingExample, weights: &Weights) -> f64 {
    let rank = search::first_relevant_rank(choice, weights).filter(|rank| *rank <= SUGGESTED_MAX);
    rank.map_or(0.0, |rank| 1.0 / rank as f64)
}

/// The mean and its standard error.
#[expect(clippy::cast_precision_loss, reason = "some hundred tickets")]
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// Fits weights to choices in order of time, starting from `begin`. The latest third validates weights fitted to the earlier ones.
/// `None`: too few choices have a cited candidate.
pub fn fit_weights(choices: &[TrainingExample], begin: &Weights) -> Option<FittedWeights> {
    let informative =
        |choice: &&TrainingExample| choice.candidates.iter().any(|(_, verdict)| *verdict == Judgement::Relevant);
    let choices: Vec<TrainingExample> = choices.iter().filter(informative).cloned().collect();
    let questions = choices.len();
    if questions < QUESTIONS_MIN {
        return None;
    }
    let (earlier, latest) = choices.split_at(questions - questions / 3);
    let fitted = search::tune(earlier, begin);
    let ranks = |weights: &Weights| latest.iter().map(|choice| reciprocal_rank(choice, weights)).collect::<Vec<_>>();
    let (old, new) = (ranks(begin), ranks(&fitted));
    let gains: Vec<f64> = new.iter().zip(&old).map(|(new, old)| new - old).collect();
    let ((before, _), (after, _), (gain, error)) = (mean(&old), mean(&new), mean(&gains));
    let weights = search::tune(&choices, begin);
    Some(FittedWeights { weights, questions, before, after, used: gain > 0.0 && gain >= GAIN_Z_MIN * error })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use search::{Features, Shares, Similarity};

    use super::*;
    use crate::tickets::model::{Access, AttributionDetails, FaultType, RootCauseLevel, Ticket, TicketRequest, View};

    fn features(text: f32, title: f32) -> Features {
        let active = Shares { text: 1.0, head: 0.0, title: 1.0, codes: 0.0, wording: 0.0, meaning: 0.0, topic: 0.0 };
        let similarity = Similarity { text, title, ..Similarity::default() };
        Features { similarity, active, facets: 0.0, max_score: 1.0, age: 0.0 }
    }

    /// A choice of the candidate with the better title, or the better text.
    fn cites(by_title: bool) -> TrainingExample {
        let (one, other) = (features(0.9, 0.3), features(0.4, 0.9));
        let verdict = |chosen: bool| if chosen { Judgement::Relevant } else { Judgement::Skipped };
        TrainingExample { candidates: vec![(one, verdict(!by_title)), (other, verdict(by_title))] }
    }

    fn case(n: u128, score: f32, card: Option<u128>, solution: &str) -> SimilarCase {
        let id = TicketId(uuid::Uuid::from_u128(n));
        let request = TicketRequest::new("t".to_owned(), "d".to_owned(), "WEB");
        let ticket = Ticket::new(id, i64::try_from(n).unwrap(), String::new(), request, Timestamp::from_millis(0));
        SimilarCase {
            view: View { ticket, access: Access::Full },
            card: card.map(|n| CardId(uuid::Uuid::from_u128(n))),
            solution: Arc::new(search::Shingles::of(solution)),
            score,
            reasons: Vec::new(),
            state: None,
        }
    }

    #[test]
    fn three_cases_are_three_solutions() {
        let cases = vec![
            case(1, 0.9, Some(7), "紧固端子"),
            case(2, 0.8, Some(7), "紧固端子，检查扭矩，复测"),
            case(3, 0.85, None, "更换电源模块，上电测试正常。"),
            case(4, 0.7, None, "更换電源模块，上电测试正常"),
            case(5, 0.6, Some(8), "更换电源模块 上电测试正常"),
            case(6, 0.5, None, "重启"),
            case(7, 0.4, None, "升级固件"),
            case(8, 0.01, None, "无关"),
        ];
        let numbers = |cases: Vec<SimilarCase>| cases.iter().map(|case| case.view.ticket.number).collect::<Vec<_>>();
        assert_eq!(numbers(rank_cases(cases.clone(), 3, true)), [1, 3, 6]);
        assert_eq!(numbers(rank_cases(cases.clone(), 50, true)), [1, 3, 6, 7]);
        assert_eq!(numbers(rank_cases(cases.clone(), 50, false)), [1, 3, 2, 4, 5, 6, 7], "without the rule");
        assert!(rank_cases(cases, 0, true).is_empty());
    }

    #[test]
    fn a_case_without_a_solution_is_compared_by_its_title() {
        let attribution = |resolution: &str| Attribution {
            ticket: TicketId(uuid::Uuid::nil()),
            details: AttributionDetails {
                fault_type: FaultType::Hardware,
                root_cause_level: RootCauseLevel::L1UserError,
                cause_tag: None,
                solution_tags: Vec::new(),
                resolution: resolution.to_owned(),
            },
            by: crate::kernel::UserId(uuid::Uuid::nil()),
            at: Timestamp::from_millis(0),
        };
        for (resolution, expected) in [("换端子", "换端子"), (" ", "标题"), (REDACTED.as_str(), "标题")] {
            assert_eq!(solution_text("标题", Some(&attribution(resolution))), expected);
        }
        assert_eq!(solution_text("标题", None), "标题");
    }

    #[test]
    fn only_available_candidates_are_passed_over() {
        let id = |n: u128| TicketId(uuid::Uuid::from_u128(n));
        let at = Timestamp::from_millis;
        let [cited, dismissed, same_card, later, passed] = [1, 2, 3, 4, 5].map(id);
        let suggestion = |case, state, settled| Suggestion {
            ticket: id(9),
            case,
            place: None,
            score: None,
            state,
            shown_at: None,
            settled_at: Some(at(settled)),
            reason: None,
        };
        let suggestions: HashMap<TicketId, Suggestion> = [
            suggestion(cited, SuggestionState::Cited, 100),
            // Solved after the first choice, but it has feedback.
            suggestion(dismissed, SuggestionState::Dismissed, 300),
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
            features: features(0.5, 0.5),
        });
        let verdicts: Vec<Judgement> = choice(&suggestions, &hits, &solved_at, &cards)
            .candidates
            .into_iter()
            .map(|(_, verdict)| verdict)
            .collect();
        assert_eq!(verdicts, [Judgement::Relevant, Judgement::Irrelevant, Judgement::Skipped]);
    }

    #[test]
    fn weights_are_used_if_they_gain_on_later_tickets() {
        let fitted = fit_weights(&vec![cites(true); 60], &Weights::DEFAULT).expect("fitted weights");
        assert!(fitted.used && fitted.after > fitted.before, "{fitted:?}");
        assert_eq!(fit_weights(&vec![cites(true); QUESTIONS_MIN - 1], &Weights::DEFAULT), None, "too few choices");
        let unchanged = fit_weights(&vec![cites(false); 60], &Weights::DEFAULT).expect("fitted weights");
        assert!(!unchanged.used, "no gain where the cited case already ranks first: {unchanged:?}");
        let reversed: Vec<TrainingExample> = (0..60).map(|n| cites(n < 40)).collect();
        let fitted = fit_weights(&reversed, &Weights::DEFAULT).expect("fitted weights");
        assert!(!fitted.used, "no gain after preferences have changed: {fitted:?}");
    }
}
