//! The rules of the house that the compiler cannot hold (ARCHITECTURE.md). Each message names the remedy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What may be named from where: lower numbers only.
const TIERS: [(&str, u8); 22] = [
    ("kernel", 0),
    ("runtime", 0),
    ("auth", 1),
    ("audit", 1),
    ("backup", 1),
    ("calendar", 1),
    ("catalogue", 1),
    ("credentials", 1),
    ("people", 2),
    ("tickets", 3),
    ("sla", 4),
    ("knowledge", 4),
    ("notifications", 4),
    ("dispatch", 5),
    ("recommend", 5),
    ("satisfaction", 5),
    ("escalation", 6),
    ("hub", 6),
    ("import", 6),
    ("intake", 6),
    ("metrics", 7),
    ("reports", 8),
];
/// What a capability's folder may hold, as a file or as a folder.
const SHAPE: [&str; 8] = ["mod", "model", "decide", "commands", "queries", "react", "store", "tests"];
const LINES_MAX: usize = 500;
const MOD_LINES_MAX: usize = 60;

struct Source {
    path: PathBuf,
    /// Below the repository's root.
    name: String,
    text: String,
}

impl Source {
    /// The lines of the program, without comments and without the tests at the end of a file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(i, line)| (i + 1, line));
        lines.take_while(|(_, line)| *line != "#[cfg(test)]").filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The files below a folder that end so.
fn sources(below: &str, endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("gql") && !path.ends_with("node_modules") {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| path.extension().is_some_and(|of| of == *ending)) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push(Source { text: fs::read_to_string(&path).unwrap(), name, path });
            }
        }
    }
    assert!(!found.is_empty(), "{below} holds no {endings:?}: the test looks in the wrong place");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn rust() -> Vec<Source> {
    ["api/src", "domain/src", "migrations/src", "search/src", "search/tests", "tests/src", "tests/it"]
        .into_iter()
        .flat_map(|below| sources(below, &["rs"]))
        .collect()
}

/// Fails with everything that was found, each line with its remedy.
#[track_caller]
fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Lines of code with any of these words.
fn naming(sources: &[Source], words: &[&str], remedy: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        for (line, text) in source.code() {
            if let Some(word) = words.iter().find(|word| text.contains(**word)) {
                faults.push(format!("{}:{line} names {word}: {remedy}", source.name));
            }
        }
    }
    faults
}

/// The modules of this crate that a line names, also in a group: `use crate::{tickets, people};`.
fn named(text: &str) -> Vec<&str> {
    let mut named = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let group = rest.strip_prefix('{').map(|rest| rest.split('}').next().unwrap_or_default());
        for path in group.unwrap_or(rest).split(',').take(if group.is_some() { usize::MAX } else { 1 }) {
            named.push(path.trim());
        }
    }
    named
}

/// Whether a path begins with this one.
fn begins(path: &str, with: &str) -> bool {
    path.strip_prefix(with).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The capability that a file of domain belongs to.
fn capability(source: &Source) -> Option<String> {
    let rest = source.name.strip_prefix("domain/src/")?;
    rest.split_once('/').map(|(folder, _)| folder.to_owned())
}

/// The file of its capability that this is, or is a part of: `store/select.rs` belongs to `store`.
fn part(source: &Source) -> String {
    let rest = source.name.strip_prefix("domain/src/").unwrap_or_default();
    let inside = rest.split_once('/').map_or("", |(_, inside)| inside);
    inside.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// Files of capabilities (not of kernel and runtime) that are these parts.
fn parts(wanted: &[&str]) -> Vec<Source> {
    sources("domain/src", &["rs"])
        .into_iter()
        .filter(|source| capability(source).is_some_and(|name| name != "kernel" && name != "runtime"))
        .filter(|source| wanted.contains(&part(source).as_str()))
        .collect()
}

#[test]
fn a_capability_names_lower_tiers_only() {
    let tiers: BTreeMap<&str, u8> = TIERS.into_iter().collect();
    let mut faults = Vec::new();
    for source in sources("domain/src", &["rs"]) {
        let Some(own) = capability(&source) else { continue };
        let Some(tier) = tiers.get(own.as_str()) else {
            faults.push(format!("{}: give {own} a tier in tests/it/tidy.rs and in ARCHITECTURE.md", source.name));
            continue;
        };
        for (line, text) in source.code() {
            for (other, of) in &tiers {
                let named = named(text).iter().any(|path| begins(path, other));
                let allowed = *other == own || of < tier || (own == "runtime" && *other == "kernel");
                if named && !allowed {
                    faults.push(format!(
                        "{}:{line}: {own} (tier {tier}) names {other} (tier {of}): hear of it by an event, tied in \
                         wiring.rs, or move what both need to a lower tier",
                        source.name
                    ));
                }
            }
        }
    }
    none(faults);
}

#[test]
fn a_capability_has_the_one_shape() {
    let mut faults = Vec::new();
    for source in sources("domain/src", &["rs"]) {
        let Some(own) = capability(&source) else { continue };
        if own == "kernel" || own == "runtime" {
            continue;
        }
        if !SHAPE.contains(&part(&source).as_str()) {
            faults
                .push(format!("{}: a capability holds only {SHAPE:?}; put it into the one it belongs to", source.name));
        }
        if part(&source) == "mod" {
            let lines = source.text.lines().count();
            if lines >= MOD_LINES_MAX || source.code().any(|(_, text)| text.contains("fn ")) {
                faults.push(format!(
                    "{}: mod.rs says purpose, invariants and events in under {MOD_LINES_MAX} lines; move logic out",
                    source.name
                ));
            }
        }
    }
    none(faults);
}

#[test]
fn decisions_are_pure() {
    let pure = parts(&["model", "decide"]);
    none(naming(
        &pure,
        &["async fn", ".await", "sea_orm", "SystemClock", "OsChance", ".begin("],
        "state and decisions are plain and pure: take time, ids and rows as arguments; SQL belongs to store, waiting to commands",
    ));
}

#[test]
fn reading_never_writes_and_reacting_never_commits() {
    let mut faults = naming(
        &parts(&["queries"]),
        &["insert_many(", "::insert(", "update_many(", "delete_many(", "delete_by_id(", "ActiveModel"],
        "queries only read: move the write to commands",
    );
    // Followers of the log are no reactions: they write nothing to the database.
    faults.extend(naming(
        &parts(&["react"]),
        &[".begin(", ".commit("],
        "a reaction runs in the transaction of its cause: take tx as an argument",
    ));
    none(faults);
}

#[test]
fn a_store_stays_inside_its_capability() {
    let mut faults = Vec::new();
    for source in sources("domain/src", &["rs"]) {
        let own = capability(&source).unwrap_or_default();
        for (line, text) in source.code() {
            for (other, _) in TIERS.iter().filter(|(other, _)| *other != own && *other != "runtime") {
                // Reads may join the tables of lower tiers by the columns they publish.
                let reads = ["queries", "store"].contains(&part(&source).as_str());
                if named(text).iter().any(|path| begins(path, &format!("{other}::store"))) && !reads {
                    faults.push(format!(
                        "{}:{line}: the store of {other} is its own: call its commands or queries",
                        source.name
                    ));
                }
            }
        }
    }
    none(faults);
}

#[test]
fn crates_know_only_what_lies_below() {
    let mut faults = naming(
        &sources("domain/src", &["rs"]),
        &["actix", "async_graphql", "reqwest", "lettre", "figment", "clap"],
        "domain knows no transport: translate in api",
    );
    faults.extend(naming(
        &sources("search/src", &["rs"]),
        &["ticket", "Ticket", "sea_orm", "domain::"],
        "search knows documents: name what it is for the index",
    ));
    faults.extend(naming(
        &sources("migrations/src", &["rs"]),
        &["domain::", "api::", "search::"],
        "a migration never changes with an entity: write its tables out",
    ));
    none(faults);
}

#[test]
fn time_comes_from_the_transaction_and_nothing_is_deleted_from_the_log() {
    let sql = [
        ("current_timestamp", "bind tx.now"),
        ("datetime('now", "bind tx.now"),
        ("now()::", "bind tx.now"),
        ("select now()", "bind tx.now"),
        ("delete from event_log", "the log only grows; redact the text that it refers to"),
        ("delete from ticket", "nothing vanishes: cancel it"),
        ("event_log::Entity::delete", "the log only grows; redact the text that it refers to"),
        ("ticket::Entity::delete", "nothing vanishes: cancel it"),
    ];
    // Tests tamper with the log to see that it is found.
    let sources: Vec<Source> = rust().into_iter().filter(|source| !source.name.starts_with("tests/")).collect();
    none(sql.into_iter().flat_map(|(words, remedy)| naming(&sources, &[words], remedy)).collect());
}

#[test]
fn no_test_is_ignored_and_no_rule_is_silenced() {
    let words = [
        ("#[ignore", "a test that does not run is no test: mend it or delete it"),
        ("#[allow(", "write #[expect(…, reason = \"…\")], which says why and tells when it is over"),
        ("#![allow(", "write #[expect(…, reason = \"…\")] where it is needed"),
        ("unsafe ", "the house is built without"),
        ("println!(\"DEBUG", "trace it, or take it out"),
    ];
    let sources: Vec<Source> = rust().into_iter().filter(|source| !source.path.ends_with("tidy.rs")).collect();
    let mut faults: Vec<String> =
        words.into_iter().flat_map(|(word, remedy)| naming(&sources, &[word], remedy)).collect();
    for source in rust().into_iter().chain(sources_of_web()).filter(|source| !source.path.ends_with("tidy.rs")) {
        for (i, line) in source.text.lines().enumerate() {
            if ["TODO", "FIXME", "HACK"].iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{}: do it now, or write it down where work is planned", source.name, i + 1));
            }
        }
    }
    none(faults);
}

fn sources_of_web() -> Vec<Source> {
    ["web/src", "web/browser"].into_iter().flat_map(|below| sources(below, &["ts", "tsx", "css"])).collect()
}

#[test]
fn a_file_is_read_in_one_sitting() {
    let mut faults = Vec::new();
    for source in rust().into_iter().chain(sources_of_web()) {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{}: {lines} lines; beyond {LINES_MAX} it wants to become a folder", source.name));
        }
    }
    none(faults);
}

#[test]
fn every_page_that_the_map_names_is_there() {
    let mut faults = Vec::new();
    for page in ["README.md", "ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.starts_with("http") && !root().join(file).exists() {
                faults.push(format!("{page} links to {file}, which is not there: mend the link"));
            }
        }
    }
    for (folder, _) in TIERS {
        if !Path::new(&root().join("domain/src").join(folder)).is_dir() {
            faults.push(format!("domain/src/{folder} is gone: take it out of TIERS and of ARCHITECTURE.md"));
        }
    }
    none(faults);
}
