//! What people's choices say of how much each likeness counts.

use crate::{Traits, Weights};

/// One answered question: what people chose, among what they might have chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Each with whether it was chosen, and how much it counts where it was not: 1, more where it was refused.
    pub candidates: Vec<(Traits, Verdict)>,
}

/// What people said of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It helped.
    Chosen,
    /// Nothing.
    Passed,
    /// It did not help.
    Refused,
}

/// How sharply a difference of scores tells the chosen from the others.
const TEMPERATURE: f32 = 0.05;
/// What is refused counts like so many that are passed over.
const REFUSED: f32 = 4.0;
/// What it costs to leave the weights that hold for everybody, for each of them by the square of the logarithm; a
/// thousand choices outweigh it a thousand times more than one.
const FIDELITY: f32 = 2.0;
/// Steps by which a weight is tried.
const STEPS: [f32; 4] = [0.7, 0.9, 1.1, 1.4];
const ROUNDS_MAX: usize = 30;

/// Where the first chosen one stands, from 1; of what was not chosen those with the same score stand before it.
pub fn place_of_chosen(choice: &Choice, weights: &Weights) -> Option<usize> {
    let scores = choice.candidates.iter().map(|(traits, verdict)| (weights.score(traits), *verdict));
    let (chosen, others): (Vec<_>, Vec<_>) = scores.partition(|(_, verdict)| *verdict == Verdict::Chosen);
    let best = chosen.into_iter().map(|(score, _)| score).max_by(f32::total_cmp)?;
    Some(1 + others.into_iter().filter(|(score, _)| *score >= best).count())
}

/// How surprising the choices are: the negative logarithm of the share of what was chosen (a softmax of the scores; ListNet, Cao et al.
/// 2007), in the mean.
#[expect(clippy::cast_precision_loss, reason = "some hundred choices")]
fn surprise(choices: &[Choice], weights: &Weights) -> f32 {
    let mut sum = 0.0;
    for choice in choices {
        let (mut chosen, mut all) = (0.0, 0.0);
        for (traits, verdict) in &choice.candidates {
            // From the top of the scale, so that nothing overflows.
            let part = ((weights.score(traits) - 1.0) / TEMPERATURE).exp();
            match verdict {
                Verdict::Chosen => {
                    chosen += part;
                    all += part;
                }
                Verdict::Passed => all += part,
                Verdict::Refused => all += REFUSED * part,
            }
        }
        if chosen > 0.0 {
            sum -= (chosen / all).ln();
        }
    }
    sum / choices.len().max(1) as f32
}

/// Weights under which the choices surprise least, without leaving those that one begins with for little. Each is moved by itself, until
/// nothing gains any more.
#[expect(clippy::cast_precision_loss, reason = "some hundred choices")]
pub fn fit(choices: &[Choice], begin: &Weights) -> Weights {
    let strain = |weights: &Weights| {
        let (mut now, mut then) = (*weights, *begin);
        let moved = now.each().zip(then.each()).filter(|(_, then)| **then > 0.0);
        let far: f32 = moved.map(|(now, then)| (*now / *then).ln().powi(2)).sum();
        surprise(choices, weights) + FIDELITY * far / choices.len().max(1) as f32
    };
    let mut best = *begin;
    let mut least = strain(&best);
    let count = best.each().count();
    for _ in 0..ROUNDS_MAX {
        let before = least;
        for nth in 0..count {
            for step in STEPS {
                let mut tried = best;
                if let Some(weight) = tried.each().nth(nth) {
                    *weight *= step;
                }
                let strained = strain(&tried);
                if strained < least {
                    (best, least) = (tried, strained);
                }
            }
        }
        if before - least < 1e-4 {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Likeness, Shares};

    fn traits(text: f32, title: f32) -> Traits {
        let counting = Shares { text: 1.0, head: 1.0, title: 1.0, codes: 0.0, wording: 0.0, meaning: 0.0, topic: 0.0 };
        let likeness = Likeness { text, title, ..Likeness::default() };
        Traits { likeness, counting, facets: 0.0, possible: 1.0, age: 0.0 }
    }

    /// People choose what has the same title, whatever its text.
    fn by_title(count: usize) -> Vec<Choice> {
        let candidates = vec![(traits(0.9, 0.2), Verdict::Passed), (traits(0.3, 0.8), Verdict::Chosen)];
        vec![Choice { candidates }; count]
    }

    #[test]
    fn what_people_choose_comes_first_once_enough_of_them_have() {
        let begin = Weights::CHOSEN;
        assert_eq!(place_of_chosen(&by_title(1)[0], &begin), Some(2));
        let learned = fit(&by_title(200), &begin);
        assert_eq!(place_of_chosen(&by_title(1)[0], &learned), Some(1), "{learned:?}");
        assert_eq!(learned.meanings, begin.meanings, "nothing was said of meanings");
    }

    #[test]
    fn little_is_learned_of_little_and_nothing_of_nothing() {
        let begin = Weights::CHOSEN;
        assert_eq!(fit(&[], &begin), begin);
        let (few, many) = (fit(&by_title(1), &begin), fit(&by_title(500), &begin));
        let moved = |of: &Weights| (of.words.title / of.words.text).ln() - (begin.words.title / begin.words.text).ln();
        assert!(moved(&few) < moved(&many), "{} {}", moved(&few), moved(&many));
    }

    #[test]
    fn what_is_refused_sinks_below_what_is_passed_over() {
        let refused = |verdict| Choice {
            candidates: vec![
                (traits(0.8, 0.1), verdict),
                (traits(0.2, 0.7), Verdict::Passed),
                (traits(0.5, 0.5), Verdict::Chosen),
            ],
        };
        let begin = Weights::CHOSEN;
        let (passed, refused) =
            (fit(&vec![refused(Verdict::Passed); 50], &begin), fit(&vec![refused(Verdict::Refused); 50], &begin));
        let text = |of: &Weights| of.score(&traits(0.8, 0.1)) - of.score(&traits(0.2, 0.7));
        assert!(text(&refused) < text(&passed), "{} {}", text(&refused), text(&passed));
    }
}
