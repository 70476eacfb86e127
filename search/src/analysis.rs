//! From text to terms, Chinese and English alike.
//!
//! NFKC folds width and compatibility forms, then lower case. Chinese runs become words (jieba, search mode) and, apart,
//! single characters; Latin words are stemmed; what looks like a code or part number is kept whole.

use std::borrow::Cow;
use std::sync::LazyLock;

use jieba_rs::Jieba;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization as _;

/// Text beyond this is not read.
const TEXT_BYTES_MAX: usize = 100_000;
/// Longer words are noise: encoded data, keys.
const WORD_CHARS_MAX: usize = 64;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);
static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

pub fn warm_up() {
    LazyLock::force(&JIEBA);
}

/// One term of a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    pub text: String,
    pub kind: Kind,
    /// As the reader knows it.
    pub surface: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Word,
    /// An error code, model or part number, whole; and squeezed, without its hyphens.
    Code,
}

/// A stretch of one script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    Han(String),
    /// Letters and digits, with the connectors that codes are written with.
    Latin(String),
}

/// Folds width, compatibility forms and case.
pub fn fold(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].nfkc().flat_map(char::to_lowercase).collect()
}

fn is_han(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF)
}

fn is_connector(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | '/' | '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}' | '\u{2212}')
}

/// The runs of a folded text.
pub fn runs(folded: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut chars = folded.chars().peekable();
    while let Some(c) = chars.next() {
        if is_han(c) {
            let mut run = String::from(c);
            while let Some(c) = chars.next_if(|c| is_han(*c)) {
                run.push(c);
            }
            runs.push(Run::Han(run));
        } else if c.is_alphanumeric() {
            let mut run = String::from(c);
            while let Some(next) = chars.peek().copied() {
                if next.is_alphanumeric() && !is_han(next) {
                    run.push(next);
                    chars.next();
                } else if is_connector(next) && ahead_is_latin(&chars) {
                    // Every hyphen is the same hyphen.
                    run.push(if matches!(next, '_' | '.' | '/') { next } else { '-' });
                    chars.next();
                } else {
                    break;
                }
            }
            runs.push(Run::Latin(run));
        }
    }
    runs
}

fn ahead_is_latin(chars: &std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let mut ahead = chars.clone();
    ahead.next();
    ahead.peek().is_some_and(|c| c.is_alphanumeric() && !is_han(*c))
}

/// Letters and digits in one token: `e-721`, `pm-3300`, `0x80070005`, `ora-00600`.
fn is_code(run: &str) -> bool {
    let letters = run.chars().any(char::is_alphabetic);
    let digits = run.chars().any(|c| c.is_ascii_digit());
    letters && digits && run.chars().count() <= WORD_CHARS_MAX
}

/// Letters and digits alone.
pub fn squeeze(code: &str) -> String {
    code.chars().filter(|c| c.is_alphanumeric()).collect()
}

pub fn stem(word: &str) -> Cow<'_, str> {
    STEMMER.stem(word)
}

/// The words of a Chinese run, none overlapping.
pub fn han_words(run: &str) -> Vec<&str> {
    JIEBA.cut(run, false).into_iter().map(|token| token.word).collect()
}

/// The terms that a text is compared by, in order, without those that say nothing.
pub fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for run in runs(&fold(text)) {
        match run {
            Run::Han(run) => {
                for token in JIEBA.cut_for_search(&run, false) {
                    let word = token.word;
                    if !HAN_STOP.contains(&word) {
                        terms.push(Term { text: word.to_owned(), kind: Kind::Word, surface: word.to_owned() });
                    }
                }
            }
            Run::Latin(run) => latin_terms(&run, &mut terms),
        }
    }
    terms
}

fn latin_terms(run: &str, terms: &mut Vec<Term>) {
    if is_code(run) {
        let surface = run.to_uppercase();
        terms.push(Term { text: squeeze(run), kind: Kind::Code, surface });
        return;
    }
    for word in run.split(is_connector) {
        if word.is_empty() || word.chars().count() > WORD_CHARS_MAX || ENGLISH_STOP.contains(&word) {
            continue;
        }
        terms.push(Term { text: stem(word).into_owned(), kind: Kind::Word, surface: word.to_owned() });
    }
}

/// What [`crate::Index::find`] finds a Latin run by: its words as written and stemmed, codes whole and squeezed.
pub fn find_terms(run: &str) -> Vec<String> {
    let mut terms = vec![run.to_owned()];
    for word in run.split(is_connector).filter(|word| !word.is_empty() && word.chars().count() <= WORD_CHARS_MAX) {
        terms.push(word.to_owned());
        terms.push(stem(word).into_owned());
    }
    terms.push(squeeze(run));
    terms.retain(|term| !term.is_empty() && term.len() <= 4 * WORD_CHARS_MAX);
    terms.sort_unstable();
    terms.dedup();
    terms
}

const ENGLISH_STOP: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "cannot", "could", "did", "do", "does",
    "for", "from", "had", "has", "have", "he", "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "me",
    "my", "no", "not", "of", "on", "or", "our", "please", "she", "so", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "to", "us", "was", "we", "were", "what", "when", "which", "who", "will", "with",
    "would", "you", "your",
];

const HAN_STOP: &[&str] = &[
    "的", "了", "在", "是", "我", "有", "和", "就", "不", "人", "都", "一", "一个", "上", "也", "很", "到", "说", "要",
    "去", "你", "会", "着", "没有", "看", "好", "自己", "这", "那", "与", "及", "或", "等", "对", "被", "把", "让", "从",
    "为", "以", "于", "其", "之", "但", "而", "并", "请", "吗", "呢", "吧", "啊", "怎么", "什么", "我们", "你们", "他们",
    "请问", "如何", "可以", "现在", "已经", "还是", "一下", "这个", "那个", "时", "后", "中", "下", "个",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        terms(text).into_iter().map(|term| term.text).collect()
    }

    #[test]
    fn codes_stay_whole_in_every_spelling() {
        for (text, code) in [
            ("E-721", "e721"),
            ("报E-721错误", "e721"),
            ("ｅ－７２１", "e721"),
            ("e721", "e721"),
            ("PM-3300 上电", "pm3300"),
            ("0x80070005", "0x80070005"),
            ("ORA-00600: internal", "ora00600"),
            ("TKN-8X9F2Q-L4M7P", "tkn8x9f2ql4m7p"),
            ("E‑721", "e721"),
        ] {
            let found = terms(text);
            assert!(found.iter().any(|t| t.text == code && t.kind == Kind::Code), "{text}: {found:?}");
        }
    }

    #[test]
    fn words_are_folded_stemmed_and_cut() {
        assert_eq!(texts("The printers are printing"), ["printer", "print"]);
        assert_eq!(texts("ＶＰＮ连接失败"), ["vpn", "连接", "失败"]);
        assert!(texts("打印机无法打印").contains(&"打印机".to_owned()));
        assert_eq!(texts(" ，。! \u{0} 😀 "), Vec::<String>::new());
        assert_eq!(texts("the of 的 了"), Vec::<String>::new());
    }

    #[test]
    fn no_text_is_too_long() {
        assert!(terms(&"长".repeat(1_000_000)).len() <= TEXT_BYTES_MAX);
        assert!(texts(&"x".repeat(1_000_000)).is_empty());
    }
}
