//! The pages name only what exists: types and functions by `::`, files and folders by their path from the root.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::tidy::{Source, assert_no_faults, root, rust_sources, sources};

/// Folders at the root that are made, not checked out.
const MADE: [&str; 2] = ["target", "data"];
/// The endings of the files that a page may name.
const ENDINGS: [&str; 6] = [".rs", ".ts", ".tsx", ".toml", ".ftl", ".md"];

/// README.md, ARCHITECTURE.md and the others at the root, and all of docs/.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<(String, String)> =
        sources("docs", &["md"]).into_iter().map(|page| (page.name, page.text)).collect();
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        pages.push((page.to_owned(), fs::read_to_string(root().join(page)).unwrap()));
    }
    pages
}

/// What stands in backticks.
fn spans(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// Whether a file declares an item, a field or a variant of this name, or is its module. A text search suffices.
fn declares(source: &Source, name: &str) -> bool {
    const KEYWORDS: [&str; 9] = ["pub ", "async ", "const ", "fn ", "struct ", "enum ", "trait ", "type ", "mod "];
    source.name.trim_end_matches(".rs").split('/').any(|module| module == name)
        || source.text.contains(name)
            && source.text.lines().any(|line| {
                let mut words = line.trim_start();
                while let Some(rest) = KEYWORDS.iter().find_map(|keyword| words.strip_prefix(keyword)) {
                    words = rest;
                }
                words
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ',', '(', '<', ':', ';']))
            })
}

#[test]
fn documents_name_existing_types() {
    let mut sources = rust_sources();
    sources.extend(self::sources("embedding/src", &["rs"]));
    let mut faults = Vec::new();
    for (page, text) in pages() {
        let is_path = |span: &&str| {
            span.contains("::")
                && span.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':')
                && !span.ends_with(':')
        };
        for path in spans(&text).filter(is_path) {
            let mut names = path.split("::");
            let first = names.next().unwrap_or_default();
            let inside: Vec<&Source> = sources.iter().filter(|source| declares(source, first)).collect();
            if inside.is_empty() || !names.all(|name| inside.iter().any(|source| declares(source, name))) {
                faults.push(format!("{page} names {path}, which does not exist: correct the name"));
            }
        }
    }
    assert_no_faults(faults);
}

/// The file or folder that a span names, from the root. Of a path with a placeholder (`domain/src/<name>/model.rs`) it is
/// the folder before that.
fn repository_path(span: &str, folders: &BTreeSet<String>) -> Option<PathBuf> {
    let plain = |c: char| c.is_alphanumeric() || "/._-<>".contains(c);
    let (first, _) = span.split_once('/')?;
    let is_named = ENDINGS.iter().any(|ending| span.ends_with(ending)) || folders.contains(first);
    let names = span.split('/').take_while(|name| !name.contains('<'));
    (is_named && !first.is_empty() && span.chars().all(plain)).then(|| names.collect())
}

#[test]
fn documents_name_existing_files() {
    let folders = fs::read_dir(root()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir());
    let mut folders: BTreeSet<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    folders.retain(|folder| !MADE.contains(&folder.as_str()));
    let path = |span: &str| repository_path(span, &folders);
    assert_eq!(path("domain/src/<name>/model.rs"), Some(PathBuf::from("domain/src")));
    assert_eq!(path("store/select.rs"), Some(PathBuf::from("store/select.rs")));
    assert_eq!(
        [path("/graphql"), path("model.rs"), path("ready/made"), path("target/release/buoy")],
        [const { None }; 4]
    );
    let mut faults = Vec::new();
    for (page, text) in pages() {
        for span in spans(&text) {
            if path(span).is_some_and(|path| !root().join(path).exists()) {
                faults.push(format!("{page} names {span}, which does not exist: write the path from the root"));
            }
        }
    }
    assert_no_faults(faults);
}
