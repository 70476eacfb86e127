//! Near-duplicates: texts that say the same with a few other characters.

use std::collections::HashMap;

use crate::analysis::{Run, code_form, compound, normalise, plain_tokens, runs, simplify, truncate};
use crate::profile::hash;

/// Bytes of a text that are compared; texts that are alike so far are taken for alike.
const BYTES_MAX: usize = 8 * 1024;

/// How often each character, pair of characters and word occurs in a text, in any spelling of codes and in simplified
/// characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shingles(HashMap<u32, u32>);

impl Shingles {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        let mut counts = HashMap::new();
        let mut add = |shingle: &str| *counts.entry(hash(shingle)).or_default() += 1;
        for run in runs(&normalise(truncate(text, BYTES_MAX))) {
            match run {
                Run::Han(run) => {
                    let characters: Vec<char> = simplify(run).chars().collect();
                    characters.iter().for_each(|c| add(&c.to_string()));
                    characters.windows(2).for_each(|pair| add(&pair.iter().collect::<String>()));
                }
                Run::Latin(run) if compound(run).is_some() => add(&code_form(run)),
                Run::Latin(run) => plain_tokens(run).into_iter().for_each(|token| add(&code_form(token.text()))),
            }
        }
        Self(counts)
    }

    /// Whether the text has no words at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Dice's coefficient in 0..=1: the share that two texts have in common; 0 if one has no words.
    pub fn similarity(&self, other: &Self) -> f32 {
        let size = |of: &Self| of.0.values().map(|count| u64::from(*count)).sum::<u64>();
        let common = |(shingle, count): (&u32, &u32)| u64::from(*other.0.get(shingle).unwrap_or(&0).min(count));
        let (common, all) = (self.0.iter().map(common).sum::<u64>(), size(self) + size(other));
        if self.is_empty() || other.is_empty() { 0.0 } else { ratio(2 * common, all) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of words")]
fn ratio(part: u64, all: u64) -> f32 {
    part as f32 / all as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_in_other_words_is_told_from_another_one() {
        for (one, other, is_same) in [
            ("更换电源端子并紧固", "更换电源端子并紧固", true),
            ("更换电源端子并紧固。", " 更换电源端子，并紧固", true),
            ("更換電源端子並緊固", "更换电源端子并紧固", true),
            ("Replace the power terminal of E-721.", "replace the power terminal of E 721", true),
            ("更换电源端子，检查扭矩，运行一小时后复测正常。", "更换电源端子，检查扭矩，运行一小时后复测正常", true),
            ("更换电源端子", "更换电源模块", false),
            ("Set P12 to 30 and restart", "Set P12 to 40 and restart", false),
            ("重启", "重装", false),
            ("重启", "重启重启重启", false),
            ("", "", false),
            ("。", "，", false),
        ] {
            let similarity = Shingles::of(one).similarity(&Shingles::of(other));
            assert_eq!(similarity >= 0.9, is_same, "{one} | {other}: {similarity}");
        }
    }
}
