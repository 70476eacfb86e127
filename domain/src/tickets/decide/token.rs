//! The hub token: `TKN-` + 6 + `-` + 5 characters of a 31-letter alphabet; the last is a check character.
//!
//! The sum of i·v(i) for i = 1…10, plus v(11), is 0 modulo 31. 31 is prime and greater than 11, so the check
//! detects every single wrong character and every swap of neighbours.

use crate::kernel::id::Entropy;

const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKLMNPQRSTVWXYZ";
const PAYLOAD: usize = 10;

fn value(c: u8) -> Option<usize> {
    ALPHABET.iter().position(|a| *a == c)
}

fn check(values: &[usize; PAYLOAD]) -> usize {
    let sum: usize = values.iter().zip(1..).map(|(v, i)| i * v).sum();
    (31 - sum % 31) % 31
}

pub fn generate(entropy: &dyn Entropy) -> String {
    let mut values = [0; PAYLOAD];
    for value in &mut values {
        // 248 = 8 · 31: larger bytes would bias the letters.
        let mut byte = [u8::MAX];
        while byte[0] >= 248 {
            entropy.fill(&mut byte);
        }
        *value = usize::from(byte[0]) % 31;
    }
    let mut letters: Vec<char> = values.iter().chain([&check(&values)]).map(|v| char::from(ALPHABET[*v])).collect();
    letters.insert(6, '-');
    format!("TKN-{}", letters.into_iter().collect::<String>())
}

/// Normalizes a token; `None` if the text is not one. Accepts letters of either case.
pub fn parse(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let (head, tail) = text.strip_prefix("TKN-")?.split_once('-')?;
    if head.len() != 6 || tail.len() != 5 {
        return None;
    }
    let mut values = head.bytes().chain(tail.bytes()).map(value);
    let mut payload = [0; PAYLOAD];
    for slot in &mut payload {
        *slot = values.next()??;
    }
    (values.next()?? == check(&payload)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::OsEntropy;

    #[test]
    fn the_example_is_valid() {
        assert_eq!(parse("TKN-8X9F2Q-L4M7P").as_deref(), Some("TKN-8X9F2Q-L4M7P"));
        assert_eq!(parse(" tkn-8x9f2q-l4m7p ").as_deref(), Some("TKN-8X9F2Q-L4M7P"));
        for bad in ["", "TKN-", "8X9F2QL4M7P", "TKN-8X9F2Q-L4M7", "TKN-8X9F2QL-4M7P", "TKN-8X9F2O-L4M7P", "TKN-é-L4M7P"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_wrong_character_and_every_swap_of_neighbours_is_detected() {
        for _ in 0..50 {
            let token = generate(&OsEntropy);
            assert_eq!(parse(&token).as_deref(), Some(&*token));
            let positions: Vec<usize> = (4..16).filter(|i| *i != 10).collect();
            for &i in &positions {
                for c in ALPHABET {
                    let mut wrong = token.clone().into_bytes();
                    if wrong[i] != *c {
                        wrong[i] = *c;
                        assert_eq!(parse(std::str::from_utf8(&wrong).unwrap()), None, "{token} at {i}");
                    }
                }
            }
            for pair in positions.windows(2) {
                let mut swapped = token.clone().into_bytes();
                swapped.swap(pair[0], pair[1]);
                if swapped != token.as_bytes() {
                    assert_eq!(parse(std::str::from_utf8(&swapped).unwrap()), None, "{token} at {pair:?}");
                }
            }
        }
    }
}
