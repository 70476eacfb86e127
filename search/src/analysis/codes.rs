//! Codes that people write in several ways, with spaces or without: part numbers, standards, dimensions, error codes.

use super::latin_length;
use super::lowercase;

/// Letters of the prefix of a standard without its `/T`, as in `GB 50016`.
const STANDARDS: [&str; 16] =
    ["ANSI", "ASME", "ASTM", "DIN", "GB", "GBJ", "GBT", "GBZ", "GJB", "HGT", "IEC", "ISO", "JB", "JBT", "JIS", "YBT"];
/// Digits of the number of such a standard; `ISO 3` is none.
const STANDARD_DIGITS_MIN: usize = 3;
/// Digits of an error code behind a letter and a space, as in `E 721`.
const ERROR_DIGITS_MIN: usize = 2;
const ERROR_DIGITS_MAX: usize = 6;
/// Single letters that are words or ends of words in English: `a 100 W lamp`, `that's 100 %`.
const LETTER_WORDS: &[u8] = b"aidmst";
/// Letters before the first number and behind the last one of a dimension: `M8x40`, `10x20mm`.
const DIMENSION_LETTERS_MAX: usize = 3;
/// Bytes of the first part of a code with spaces.
const HEAD_BYTES_MAX: usize = 24;
/// Hexadecimal digits behind `0x` of a code that is found without `0x` too.
const HEX_DIGITS_MIN: usize = 4;
const HEX_DIGITS_MAX: usize = 16;

/// What a run is found by besides the code that it is as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Compound<'t> {
    /// Parts that identify less than the whole: the family of a part number, a standard without its year.
    pub groups: Vec<&'t str>,
    /// Parts that are words of their own.
    pub words: Vec<&'t str>,
}

/// The parts of a code that is written with spaces or that has a family; `None` for any other run.
pub(crate) fn compound(run: &str) -> Option<Compound<'_>> {
    if !run.is_ascii() && !run.contains('×') {
        return None;
    }
    part_number(run).or_else(|| standard(run)).or_else(|| dimension(run)).or_else(|| spaced_error_code(run))
}

/// A code in lower case, without what people leave out or add: hyphens, spaces, the stroke of `GB/T`.
pub(crate) fn code_form(code: &str) -> String {
    let kept = lowercase(code);
    kept.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' ' | '/'))
        .map(|c| if matches!(c, '×' | '*') { 'x' } else { c })
        .collect()
}

/// The digits of a code form that begins with `0x`: people write `0x80070005` and `80070005`.
pub(crate) fn hex_digits(form: &str) -> Option<&str> {
    let digits = form.strip_prefix("0x")?;
    let is_hex = (HEX_DIGITS_MIN..=HEX_DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
        && digits.bytes().any(|b| b.is_ascii_digit());
    is_hex.then_some(digits)
}

/// The length of the run that begins a text, `first` bytes long, with the parts of its code that follow behind spaces.
pub(crate) fn length_with_spaces(text: &str, first: usize) -> usize {
    if first > HEAD_BYTES_MAX {
        return first;
    }
    let mut length = first;
    while text[..length].ends_with(|c: char| c.is_ascii_digit())
        && let Some(sign) = multiplication(&text[length..])
    {
        let start = length + sign;
        let next = start + latin_length(&text[start..]);
        if dimension(&text[..next]).is_none() {
            break;
        }
        length = next;
    }
    let followed =
        |at: usize| text[at..].strip_prefix(' ').filter(|next| next.starts_with(|c: char| c.is_ascii_digit()));
    if length == first
        && let Some(next) = followed(first)
    {
        let end = first + 1 + latin_length(next);
        if part_number(&text[..end]).is_some()
            || standard(&text[..end]).is_some()
            || spaced_error_code(&text[..end]).is_some()
        {
            return end;
        }
    }
    length
}

/// The length of a sign of multiplication with its spaces, before a digit.
fn multiplication(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(' ').unwrap_or(text);
    let rest = rest.strip_prefix(['x', 'X', '×'])?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    rest.starts_with(|c: char| c.is_ascii_digit()).then(|| text.len() - rest.len())
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn letters(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphabetic).count()
}

/// `6ES7 214-1AG40-0XB0`, with the space or without: a family of four or five characters, a number, and groups.
fn part_number(run: &str) -> Option<Compound<'_>> {
    let bytes = run.as_bytes();
    let begins = bytes.len() > 4
        && bytes[0].is_ascii_digit()
        && bytes[1].is_ascii_alphabetic()
        && bytes[2].is_ascii_alphabetic()
        && bytes[3].is_ascii_digit();
    if !begins || !run.is_ascii() {
        return None;
    }
    let (family, tail) = match run.split_once(' ') {
        Some((family, tail)) if family.len() == 4 || (family.len() == 5 && bytes[4].is_ascii_digit()) => (family, tail),
        Some(_) => return None,
        None => run.split_at(4),
    };
    let number = digits(tail);
    let rest = &tail[number..];
    let is_tail = (2..=4).contains(&number)
        && (rest.is_empty() || rest.starts_with('-'))
        && rest.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric())
        && !tail.contains(' ');
    if !is_tail {
        return None;
    }
    let start = run.len() - tail.len();
    let mut groups = vec![family];
    groups.extend(tail.match_indices('-').map(|(place, _)| &run[..start + place]));
    if rest.is_empty() {
        return Some(Compound { groups, words: vec![tail] });
    }
    groups.push(tail);
    Some(Compound { groups, words: Vec::new() })
}

/// `GB/T 1234.5-2019`, with the space or without, with the year or without.
fn standard(run: &str) -> Option<Compound<'_>> {
    let mut prefix = letters(run);
    let has_stroke = matches!(run.as_bytes().get(prefix..prefix + 2), Some(b"/T" | b"/t" | b"/Z" | b"/z"));
    if has_stroke {
        if !(2..=4).contains(&prefix) {
            return None;
        }
        prefix += 2;
    } else if !STANDARDS.iter().any(|known| known.eq_ignore_ascii_case(&run[..prefix])) {
        return None;
    }
    let rest = &run[prefix..];
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let (number, year) = rest.split_once('-').map_or((rest, None), |(number, year)| (number, Some(year)));
    let is_number = number.split('.').all(|part| !part.is_empty() && digits(part) == part.len())
        && (has_stroke || digits(number) >= STANDARD_DIGITS_MIN)
        && year.is_none_or(|year| (2..=4).contains(&year.len()) && digits(year) == year.len());
    if !is_number {
        return None;
    }
    let without_year = &run[..run.len() - year.map_or(0, |year| year.len() + 1)];
    let groups = if year.is_some() { vec![without_year] } else { Vec::new() };
    Some(Compound { groups, words: vec![&run[..prefix], number] })
}

/// `M8x40`, `M8×1.25`, `10 x 20 x 30mm`.
fn dimension(run: &str) -> Option<Compound<'_>> {
    let named = letters(run);
    if named > DIMENSION_LETTERS_MAX || run.starts_with("0x") || run.starts_with("0X") {
        return None;
    }
    let mut at = named + decimal(&run[named..])?;
    let first = at;
    let mut factors = 1;
    while let Some(sign) = multiplication(&run[at..]).or_else(|| run[at..].starts_with('*').then_some(1)) {
        at += sign + decimal(&run[at + sign..])?;
        factors += 1;
    }
    let unit = letters(&run[at..]);
    if factors < 2 || unit > DIMENSION_LETTERS_MAX || at + unit != run.len() {
        return None;
    }
    let mut groups = Vec::new();
    if named > 0 {
        groups.push(&run[..first]);
    }
    if unit > 0 {
        groups.push(&run[..at]);
    }
    Some(Compound { groups, words: Vec::new() })
}

/// The length of a number such as `1.25`.
fn decimal(text: &str) -> Option<usize> {
    let whole = digits(text);
    if whole == 0 {
        return None;
    }
    let fraction = text[whole..].strip_prefix('.').map_or(0, digits);
    Some(if fraction > 0 { whole + 1 + fraction } else { whole })
}

/// `E 721`: a letter and a number, as on many displays.
fn spaced_error_code(run: &str) -> Option<Compound<'_>> {
    let (letter, number) = run.split_once(' ')?;
    let is_letter =
        matches!(letter.as_bytes(), [b] if b.is_ascii_alphabetic() && !LETTER_WORDS.contains(&b.to_ascii_lowercase()));
    let is_number = (ERROR_DIGITS_MIN..=ERROR_DIGITS_MAX).contains(&number.len()) && digits(number) == number.len();
    (is_letter && is_number).then(|| Compound { groups: Vec::new(), words: vec![letter, number] })
}
