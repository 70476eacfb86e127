//! Which passwords are accepted. One that stands on a list, or is made by a pattern, is among the first that an attacker tries.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use super::super::model::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use crate::kernel::{Code, Refusal, refuse};
use crate::msg;

/// In lower case, one a line; NOTICE names its source.
const COMMON: &str = include_str!("common_passwords.txt");
/// Digits and punctuation that do not make a common word a good password, as in `welcome2024` and `password!`.
const SUFFIX_CHARS_MAX: usize = 4;
/// A shorter unit that is repeated, as in `aaaaaaaa` and `12341234`, is a pattern.
const REPEATED_CHARS_MAX: usize = 4;

static COMMON_PASSWORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| COMMON.lines().collect());

/// The form in which a password is hashed: the same text, typed on another system, may have other code points.
pub fn normalized(password: &str) -> String {
    password.nfc().collect()
}

/// The forms in which the hash of a typed password may be stored: earlier versions hashed what was typed.
pub fn stored_forms(password: &str) -> Vec<String> {
    let mut forms = vec![normalized(password), password.nfd().collect()];
    forms.dedup();
    forms
}

pub fn check_password(field: &str, password: &str) -> Result<(), Refusal> {
    let password = normalized(password);
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(refuse(Code::Invalid, field, msg!("auth-password-too-short", min = PASSWORD_CHARS_MIN)));
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(refuse(Code::TooLong, field, msg!("auth-password-too-long", max = PASSWORD_CHARS_MAX)));
    }
    if is_common(&password) {
        return Err(refuse(Code::Invalid, field, msg!("auth-password-common")));
    }
    Ok(())
}

fn is_common(password: &str) -> bool {
    // Compatibility forms too: an input method may type １２３ for 123.
    let folded: String = password.nfkc().flat_map(char::to_lowercase).collect();
    let word = folded.trim_end_matches(|c: char| !c.is_alphabetic());
    let suffix = folded[word.len()..].chars().count();
    let chars: Vec<char> = folded.chars().collect();
    COMMON_PASSWORDS.contains(folded.as_str())
        || (suffix <= SUFFIX_CHARS_MAX && COMMON_PASSWORDS.contains(word))
        || is_repeated(&chars)
        || is_sequence(&chars)
}

fn is_repeated(chars: &[char]) -> bool {
    (1..=REPEATED_CHARS_MAX.min(chars.len() / 2))
        .any(|unit| chars[unit..].iter().zip(chars).all(|(c, before)| c == before))
}

/// Neighbours in the code table, up or down, as in `12345678`, `abcdefgh` and `7890123456`.
fn is_sequence(chars: &[char]) -> bool {
    let step = |pair: &[char]| match pair {
        ['9', '0'] => 1,
        ['0', '9'] => -1,
        [one, next] => i64::from(u32::from(*next)) - i64::from(u32::from(*one)),
        _ => 0,
    };
    let mut steps = chars.windows(2).map(step);
    let first = steps.next();
    matches!(first, Some(1 | -1)) && steps.all(|step| Some(step) == first)
}
