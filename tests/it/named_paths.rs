//! Which paths of its own crate a file names: `crate::…` and `super::…`, in groups too.

use crate::tidy::Source;

/// A piece of code: a name, `::`, or one other character.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Token<'s> {
    line: usize,
    text: &'s str,
}

fn tokens(source: &Source) -> Vec<Token<'_>> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    for (line, mut rest) in source.code() {
        while let Some(first) = rest.chars().next() {
            let length = match first {
                _ if is_name(first) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            };
            let (text, after) = rest.split_at(length);
            if !text.trim().is_empty() {
                tokens.push(Token { line, text });
            }
            rest = after;
        }
    }
    tokens
}

/// The module of a file, as names below the root of its crate.
fn module(source: &Source) -> Vec<&str> {
    let path = source.name.split_once("src/").map_or("", |(_, path)| path).trim_end_matches(".rs");
    let mut names: Vec<&str> = path.split('/').collect();
    names.pop_if(|last| ["mod", "lib", "main"].contains(last));
    names
}

/// Reads a path or a group from behind its `::` on, and adds each path to `found`. Returns the position behind it.
fn read_tree(tokens: &[Token<'_>], mut at: usize, mut path: Vec<String>, found: &mut Vec<(usize, String)>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    loop {
        match text(at) {
            "{" => {
                at += 1;
                while !["}", ""].contains(&text(at)) {
                    at = read_tree(tokens, at, path.clone(), found);
                    // What stands behind a path: `as other`.
                    while ![",", "}", ""].contains(&text(at)) {
                        at += 1;
                    }
                    at += usize::from(text(at) == ",");
                }
                return at + 1;
            }
            "super" => drop(path.pop()),
            "self" => {}
            name => path.push(name.to_owned()),
        }
        if text(at + 1) != "::" {
            found.push((tokens[at.min(tokens.len() - 1)].line, path.join("::")));
            return at + 1;
        }
        at += 2;
    }
}

/// The paths that a file names, from the root of its crate on, each with its line. A path that ends at the root itself, so
/// that all modules are within reach, is `*` or empty.
pub fn named_paths(source: &Source) -> Vec<(usize, String)> {
    let tokens = tokens(source);
    let own: Vec<String> = module(source).into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = ["crate", "super"].contains(&tokens[at].text)
            && tokens.get(at + 1).is_some_and(|next| next.text == "::")
            && (at == 0 || tokens[at - 1].text != "::");
        if !begins {
            at += 1;
            continue;
        }
        let mut path = own.clone();
        if tokens[at].text == "crate" {
            path.clear();
        } else {
            path.pop();
        }
        at = read_tree(&tokens, at + 2, path, &mut found);
    }
    found
}

#[test]
fn paths_are_found_in_groups_over_lines_and_by_super() {
    let source = Source::new(
        "domain/src/sla/decide/clock.rs",
        "use crate::{\n    auth,\n    people::{model as m, queries::{a, b}},\n};\nuse super::{fold, super::{model, super::hub}};\n\
         fn f() -> super::super::super::intake::model::RawRequest { crate::audit::g(crate::kernel::H) }\nuse super::*;\n\
         pub(super) use super::super::super::*;\n",
    );
    let expected = [
        (2, "auth"),
        (3, "people::model"),
        (3, "people::queries::a"),
        (3, "people::queries::b"),
        (5, "sla::decide::fold"),
        (5, "sla::model"),
        (5, "hub"),
        (6, "intake::model::RawRequest"),
        (6, "audit::g"),
        (6, "kernel::H"),
        (7, "sla::decide::*"),
        (8, "*"),
    ];
    assert_eq!(named_paths(&source), expected.map(|(line, path)| (line, path.to_owned())));
}
