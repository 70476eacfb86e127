//! Which product a text names: pure.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::model::{ALIAS_CHARS_MAX, ALIASES_MAX, Entry, Kind, ProductMatch, ProductTerm, ProductTerms};
use crate::kernel::text::line;
use crate::kernel::{Code, Refusal, refuse};
use crate::msg;

/// Characters of a description that are searched for a product; behind them mails quote other mails.
const DESCRIPTION_CHARS_MAX: usize = 5_000;

/// What stands between a piece of a text and the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Nothing,
    /// Hyphens: `PM-3300` is `PM3300`.
    Hyphen,
    Other,
}

/// Letters and digits that a term does not begin or end inside of: a run of an alphabet, or one ideograph, because texts with
/// ideographs have no spaces.
struct Piece {
    gap: Gap,
    text: String,
    chars: usize,
}

const fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '_' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Ideographs and kana.
const fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}')
}

/// The letters and digits of a text, in lower case and half width.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut gap = Gap::Other;
    let mut continues = false;
    for c in text.nfkc().flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            gap = if is_hyphen(c) && gap != Gap::Other { Gap::Hyphen } else { Gap::Other };
            continues = false;
            continue;
        }
        let in_run = !is_ideograph(c);
        match pieces.last_mut() {
            Some(last) if continues && in_run => {
                last.text.push(c);
                last.chars += 1;
            }
            _ => pieces.push(Piece { gap, text: c.to_string(), chars: 1 }),
        }
        gap = Gap::Nothing;
        continues = in_run;
    }
    pieces
}

/// Whether a term would be found in texts that do not mean it: one character, or two letters.
fn is_too_short(pieces: &[Piece]) -> bool {
    let chars: usize = pieces.iter().map(|piece| piece.chars).sum();
    let only_letters = pieces.iter().all(|piece| piece.text.bytes().all(|byte| byte.is_ascii_alphabetic()));
    chars < if only_letters { 3 } else { 2 }
}

/// The aliases of an input: trimmed, and each only once.
pub(super) fn check_aliases(given: &[String]) -> Result<Vec<String>, Refusal> {
    if given.len() > ALIASES_MAX {
        let message = msg!("catalogue-aliases-too-many", count = given.len(), max = ALIASES_MAX);
        return Err(refuse(Code::LimitExceeded, "aliases", message));
    }
    let mut aliases: Vec<String> = Vec::new();
    for alias in given {
        let alias = line("aliases", alias, ALIAS_CHARS_MAX)?;
        if is_too_short(&pieces(&alias)) {
            return Err(refuse(Code::Invalid, "aliases", msg!("catalogue-alias-too-short", alias = alias)));
        }
        if !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    Ok(aliases)
}

/// The keys, names and aliases of all products that are not archived.
pub fn product_terms(entries: &[Entry]) -> ProductTerms {
    let mut terms = ProductTerms::default();
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Product && !entry.archived) {
        for term in [&entry.key, &entry.name].into_iter().chain(&entry.name_zh).chain(&entry.aliases) {
            let pieces = pieces(term);
            if is_too_short(&pieces) {
                continue;
            }
            let (mut text, mut chars, mut breaks) = (String::new(), 0, Vec::new());
            for piece in &pieces {
                if chars > 0 && piece.gap != Gap::Nothing {
                    breaks.push(chars);
                }
                text.push_str(&piece.text);
                chars += piece.chars;
            }
            terms.first_chars.extend(text.chars().next());
            terms.chars_max = terms.chars_max.max(chars);
            let of_text = terms.by_text.entry(text).or_default();
            of_text.push(ProductTerm { product: entry.key.clone(), term: term.clone(), breaks });
        }
    }
    terms
}

/// The product that a ticket's text names: by the longest term, whatever its case, its width and its hyphens. A term stands
/// between other characters than letters and digits. Two products by terms of one length: none.
pub fn recognise_product(terms: &ProductTerms, title: &str, description: &str) -> ProductMatch {
    let description: String = description.chars().take(DESCRIPTION_CHARS_MAX).collect();
    let mut longest = 0;
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for pieces in [pieces(title), pieces(&description)] {
        for start in 0..pieces.len() {
            let candidates = pieces.get(start..).unwrap_or_default();
            let first = candidates.first().and_then(|piece| piece.text.chars().next());
            if first.is_none_or(|first| !terms.first_chars.contains(&first)) {
                continue;
            }
            let (mut text, mut chars, mut breaks) = (String::new(), 0, Vec::new());
            for piece in candidates {
                if chars > 0 && piece.gap == Gap::Other {
                    breaks.push(chars);
                }
                text.push_str(&piece.text);
                chars += piece.chars;
                if chars > terms.chars_max {
                    break;
                }
                let of_text = terms.by_text.get(&text).filter(|_| chars >= longest).into_iter().flatten();
                // Words that stand apart in the text stand apart in the term.
                for ProductTerm { product, term, .. } in
                    of_text.filter(|term| breaks.iter().all(|at| term.breaks.contains(at)))
                {
                    if chars > longest {
                        longest = chars;
                        found.clear();
                    }
                    found.entry(product).or_insert(term);
                }
            }
        }
    }
    let mut products = found.into_iter();
    match (products.next(), products.next()) {
        (None, _) => ProductMatch::Nothing,
        (Some((key, term)), None) => ProductMatch::Product { key: key.to_owned(), term: term.to_owned() },
        (Some((one, _)), Some((other, _))) => {
            let keys = [one, other].into_iter().chain(products.map(|(key, _)| key));
            ProductMatch::Ambiguous(keys.map(str::to_owned).collect())
        }
    }
}
