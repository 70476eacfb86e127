//! What other crates await of `domain` is a boxed future, so that it is compiled once.

use std::collections::BTreeSet;

use crate::tidy::{Source, assert_no_faults, sources};

/// The names of the functions and methods that these sources call.
fn called(sources: &[Source]) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = BTreeSet::new();
    for source in sources {
        for (at, _) in source.text.match_indices('(') {
            let before = source.text[..at].trim_end_matches(is_name).len();
            names.insert(&source.text[before..at]);
        }
    }
    names
}

/// rustc compiles the body of an async function in every crate that awaits it (docs/development.md).
#[test]
fn what_other_crates_await_is_boxed() {
    let others: Vec<Source> = ["api/graphql/src", "api/adapters/src", "api/server/src", "tests/src", "bench/src"]
        .iter()
        .flat_map(|folder| sources(folder, &["rs"]))
        .collect();
    let called = called(&others);
    let mut faults = Vec::new();
    for source in sources("domain/src", &["rs"]).iter().filter(|source| !source.name.contains("/store")) {
        let mut attributes = String::new();
        let mut lines = source.code();
        while let Some((line, text)) = lines.next() {
            let code = text.trim_start();
            if code.starts_with("#[") {
                attributes.push_str(code);
                continue;
            }
            if let Some(signature) = code.strip_prefix("pub async fn ") {
                let name = signature.split(['(', '<']).next().unwrap_or_default();
                let mut whole = signature.to_owned();
                while !whole.contains('{')
                    && let Some((_, more)) = lines.next()
                {
                    whole.push_str(more);
                }
                let is_generic = signature[name.len()..].starts_with('<') || whole.contains("impl ");
                if called.contains(name) && !is_generic && !attributes.contains("boxed") {
                    faults
                        .push(format!("{}:{line}: another crate awaits {name}: write #[boxed] above it", source.name));
                }
            }
            attributes.clear();
        }
    }
    assert_no_faults(faults);
}
