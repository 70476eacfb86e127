//! Tunes the weights from relevance feedback.

use crate::{Features, Weights};

/// One query with its candidates, and what people said of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingExample {
    /// The candidates with their judgements.
    pub candidates: Vec<(Features, Judgement)>,
}

/// Feedback on a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It was cited.
    Relevant,
    /// It was shown or available, without feedback.
    Skipped,
    /// It was dismissed.
    Irrelevant,
}

/// Temperature of the softmax over scores.
const TEMPERATURE: f32 = 0.05;
/// An irrelevant candidate counts as so many skipped ones.
const IRRELEVANT_WEIGHT: f32 = 4.0;
/// Strength of the regularization: the penalty grows with the square of the logarithm of each weight's change, and its
/// influence falls with the number of examples.
const REGULARIZATION: f32 = 2.0;
/// Factors that are tried for a weight.
const STEPS: [f32; 4] = [0.7, 0.9, 1.1, 1.4];
const ROUNDS_MAX: usize = 30;

/// Rank of the first relevant candidate, from 1; others with the same score come before it.
pub fn first_relevant_rank(choice: &TrainingExample, weights: &Weights) -> Option<usize> {
    let scores = choice.candidates.iter().map(|(features, verdict)| (weights.score(features), *verdict));
    let (relevant, others): (Vec<_>, Vec<_>) = scores.partition(|(_, verdict)| *verdict == Judgement::Relevant);
    let best = relevant.into_iter().map(|(score, _)| score).max_by(f32::total_cmp)?;
    Some(1 + others.into_iter().filter(|(score, _)| *score >= best).count())
}

/// Mean negative log-likelihood of the relevant candidates under a softmax of the scores (ListNet; Cao et al. 2007).
#[expect(clippy::cast_precision_loss, reason = "some hundred choices")]
fn loss(choices: &[TrainingExample], weights: &Weights) -> f32 {
    let mut sum = 0.0;
    for choice in choices {
        let (mut relevant, mut all) = (0.0, 0.0);
        for (features, verdict) in &choice.candidates {
            // Scores are at most 1: this prevents overflow.
            let share = ((weights.score(features) - 1.0) / TEMPERATURE).exp();
            match verdict {
                Judgement::Relevant => {
                    relevant += share;
                    all += share;
                }
                Judgement::Skipped => all += share,
                Judgement::Irrelevant => all += IRRELEVANT_WEIGHT * share,
            }
        }
        if relevant > 0.0 {
            sum -= (relevant / all).ln();
        }
    }
    sum / choices.len().max(1) as f32
}

/// Weights with the least regularized loss, by coordinate descent from `start`.
#[expect(clippy::cast_precision_loss, reason = "some hundred choices")]
pub fn tune(choices: &[TrainingExample], start: &Weights) -> Weights {
    let objective = |weights: &Weights| {
        let (mut now, mut start) = (*weights, *start);
        let pairs = now.iter_mut().zip(start.iter_mut()).filter(|(_, start)| **start > 0.0);
        let distance: f32 = pairs.map(|(now, start)| (*now / *start).ln().powi(2)).sum();
        loss(choices, weights) + REGULARIZATION * distance / choices.len().max(1) as f32
    };
    let mut best = *start;
    let mut lowest = objective(&best);
    let count = best.iter_mut().count();
    for _ in 0..ROUNDS_MAX {
        let before = lowest;
        for nth in 0..count {
            for step in STEPS {
                let mut tried = best;
                if let Some(weight) = tried.iter_mut().nth(nth) {
                    *weight *= step;
                }
                let value = objective(&tried);
                if value < lowest {
                    (best, lowest) = (tried, value);
                }
            }
        }
        if before - lowest < 1e-4 {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Shares, Similarity};

    fn features(text: f32, title: f32) -> Features {
        let active = Shares { text: 1.0, head: 1.0, title: 1.0, codes: 0.0, wording: 0.0, meaning: 0.0, topic: 0.0 };
        let similarity = Similarity { text, title, ..Similarity::default() };
        Features { similarity, active, facets: 0.0, max_score: 1.0, age: 0.0 }
    }

    /// Examples in which the candidate with the matching title is relevant, whatever its text.
    fn by_title(count: usize) -> Vec<TrainingExample> {
        let candidates = vec![(features(0.9, 0.2), Judgement::Skipped), (features(0.3, 0.8), Judgement::Relevant)];
        vec![TrainingExample { candidates }; count]
    }

    #[test]
    fn relevant_candidates_rank_first_after_enough_examples() {
        let start = Weights::DEFAULT;
        assert_eq!(first_relevant_rank(&by_title(1)[0], &start), Some(2));
        let learned = tune(&by_title(200), &start);
        assert_eq!(first_relevant_rank(&by_title(1)[0], &learned), Some(1), "{learned:?}");
        assert_eq!(learned.meanings, start.meanings, "no example has vectors");
    }

    #[test]
    fn few_examples_move_the_weights_less_than_many_and_none_not_at_all() {
        let start = Weights::DEFAULT;
        assert_eq!(tune(&[], &start), start);
        let (few, many) = (tune(&by_title(1), &start), tune(&by_title(500), &start));
        let moved = |of: &Weights| (of.words.title / of.words.text).ln() - (start.words.title / start.words.text).ln();
        assert!(moved(&few) < moved(&many), "{} {}", moved(&few), moved(&many));
    }

    #[test]
    fn irrelevant_candidates_rank_below_skipped_ones() {
        let refused = |verdict| TrainingExample {
            candidates: vec![
                (features(0.8, 0.1), verdict),
                (features(0.2, 0.7), Judgement::Skipped),
                (features(0.5, 0.5), Judgement::Relevant),
            ],
        };
        let start = Weights::DEFAULT;
        let (passed, refused) = (
            tune(&vec![refused(Judgement::Skipped); 50], &start),
            tune(&vec![refused(Judgement::Irrelevant); 50], &start),
        );
        let text = |of: &Weights| of.score(&features(0.8, 0.1)) - of.score(&features(0.2, 0.7));
        assert!(text(&refused) < text(&passed), "{} {}", text(&refused), text(&passed));
    }
}
