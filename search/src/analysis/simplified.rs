//! Traditional Chinese characters, by which texts in simplified Chinese are found, and the other way round.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Pairs of a traditional and its simplified character, written by scripts/simplified-characters.mjs.
const PAIRS: &str = include_str!("../../data/simplified.txt");

static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let characters: Vec<char> = PAIRS.chars().filter(|c| !c.is_whitespace()).collect();
    characters.as_chunks().0.iter().map(|[traditional, simplified]| (*traditional, *simplified)).collect()
});

/// The text with simplified characters, as many as before.
pub(crate) fn simplify(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| SIMPLIFIED.contains_key(&c)) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| SIMPLIFIED.get(&c).copied().unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::is_han;

    #[test]
    fn every_pair_is_of_two_different_characters_and_leads_to_the_end() {
        assert!(SIMPLIFIED.len() > 2_000, "{}", SIMPLIFIED.len());
        assert_eq!(PAIRS.chars().filter(|c| !c.is_whitespace()).count(), 2 * SIMPLIFIED.len(), "each one once");
        for (traditional, simplified) in SIMPLIFIED.iter() {
            assert!(
                is_han(*traditional) && is_han(*simplified) && traditional != simplified,
                "{traditional}{simplified}"
            );
            assert!(!SIMPLIFIED.contains_key(simplified), "{traditional}{simplified}: applied twice, the same");
        }
    }

    #[test]
    fn traditional_texts_are_simplified_and_others_stay() {
        for (text, expected) in [
            ("繁體", "繁体"),
            ("印表機無法列印標籤", "印表机无法列印标签"),
            ("網路連線逾時", "网路连线逾时"),
            ("简体中文 E-721", "简体中文 E-721"),
            // Characters of simplified texts too.
            ("著名 乾隆 干燥", "著名 乾隆 干燥"),
            ("あア漢字", "あア汉字"),
        ] {
            assert_eq!(simplify(text), expected, "{text}");
            assert_eq!(simplify(text).chars().count(), text.chars().count());
        }
        assert!(matches!(simplify("简体"), Cow::Borrowed(_)));
    }
}
