//! A tokenizer for terms that are already analysed: they are passed to tantivy as one text with a line each, and split
//! again. (Pre-tokenised fields would be serialised to JSON and parsed again.)

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

const SEPARATOR: char = '\n';

/// Terms joined by line breaks; no term contains one.
#[derive(Default)]
pub(crate) struct JoinedTerms(pub String);

impl JoinedTerms {
    pub const NAME: &'static str = "joined";

    pub fn push(&mut self, term: &str) {
        self.0.push_str(term);
        self.0.push(SEPARATOR);
    }

    /// Leaves so many positions empty.
    pub fn leave_empty(&mut self, places: usize) {
        self.0.extend(std::iter::repeat_n(SEPARATOR, places));
    }
}

#[derive(Clone, Default)]
pub(crate) struct Splitter {
    token: Token,
}

impl Tokenizer for Splitter {
    type TokenStream<'a> = Terms<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms<'a> {
        self.token.reset();
        Terms { rest: text, token: &mut self.token }
    }
}

pub(crate) struct Terms<'a> {
    rest: &'a str,
    token: &'a mut Token,
}

impl TokenStream for Terms<'_> {
    fn advance(&mut self) -> bool {
        while let Some((term, rest)) = self.rest.split_once(SEPARATOR) {
            self.rest = rest;
            self.token.position = self.token.position.wrapping_add(1);
            if !term.is_empty() {
                self.token.text.clear();
                self.token.text.push_str(term);
                return true;
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_keep_their_order_and_positions() {
        let mut joined = JoinedTerms::default();
        for term in ["泵", "站"] {
            joined.push(term);
        }
        joined.leave_empty(2);
        joined.push("#e721");
        let mut splitter = Splitter::default();
        for _ in 0..2 {
            let mut found = Vec::new();
            let mut stream = splitter.token_stream(&joined.0);
            while stream.advance() {
                found.push((stream.token().text.clone(), stream.token().position));
            }
            assert_eq!(found, [("泵".to_owned(), 0), ("站".to_owned(), 1), ("#e721".to_owned(), 4)]);
        }
    }
}
