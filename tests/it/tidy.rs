//! The rules of ARCHITECTURE.md that the compiler cannot enforce. Each message names the remedy.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::named_paths::named_paths;

/// The tier of each capability; a capability may name lower tiers only.
const TIERS: [(&str, u8); 24] = [
    ("kernel", 0),
    ("runtime", 0),
    ("auth", 1),
    ("audit", 1),
    ("backup", 1),
    ("calendar", 1),
    ("catalogue", 1),
    ("credentials", 1),
    ("people", 2),
    ("webhooks", 2),
    ("tickets", 3),
    ("notifications", 4),
    ("sla", 5),
    ("knowledge", 5),
    ("dispatch", 6),
    ("recommend", 6),
    ("satisfaction", 6),
    ("escalation", 7),
    ("hub", 7),
    ("import", 7),
    ("intake", 7),
    ("metrics", 8),
    ("reports", 9),
    ("wiring", 10),
];
/// The files or folders that a capability's folder may contain.
const SHAPE: [&str; 8] = ["mod", "model", "decide", "commands", "queries", "react", "store", "tests"];
/// Words that alone do not say what a type is: participles, verbs, adjectives and prepositions. In lower case.
const UNCLEAR_TYPE_NAMES: &str = "admitted aim answered appended applied asked behind beside buried bury called checked cited claimed come \
    copied copying counted dispatched done drawn encoded enter executed felt fold follow found furnish gave given gone hear \
    heard held hold holding indexed issued joined keep kept known learned listed loaded look lost made marked \
    meant met more named near nowhere of opened opens parted picked planted prepared put quarantined ranked raw read \
    reading received recurs refreshed refused registered rehearsed released reported reused ring rotated said saved say \
    seen sent settle settled shown standing stands stood stored take taken taught tell ticking told watched \
    weighed";
const LINES_MAX: usize = 500;
const MOD_LINES_MAX: usize = 60;

pub struct Source {
    path: PathBuf,
    /// The path relative to the repository's root.
    pub name: String,
    pub text: String,
}

impl Source {
    /// A file that exists only in a test of these helpers.
    pub fn new(name: &str, text: &str) -> Self {
        Self { path: PathBuf::from(name), name: name.to_owned(), text: text.to_owned() }
    }

    /// The lines of code, without comments, without items that exist in tests only, and without the tests at the end of the
    /// file.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut code = Vec::new();
        let mut lines = self.text.lines().enumerate().map(|(i, line)| (i + 1, line)).peekable();
        while let Some((number, line)) = lines.next() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            if line.trim() != "#[cfg(test)]" {
                code.push((number, line));
                continue;
            }
            let indent = |line: &str| line.len() - line.trim_start().len();
            let of_tests = indent(line);
            while lines.next_if(|(_, next)| next.trim_start().starts_with(['#', '/'])).is_some() {}
            if lines.peek().is_some_and(|(_, item)| item.trim_start().starts_with("mod ") && item.ends_with('{')) {
                break;
            }
            // The item ends at the first line that is indented like it and closes it, as rustfmt writes it.
            for (_, item) in lines.by_ref() {
                if indent(item) == of_tests && item.ends_with([';', '}', ',']) {
                    break;
                }
            }
        }
        code.into_iter()
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The files below a folder with one of these extensions.
pub fn sources(below: &str, endings: &[&str]) -> Vec<Source> {
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
    assert!(!found.is_empty(), "{below} contains no {endings:?}: wrong folder");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

#[test]
fn code_continues_after_an_item_of_tests() {
    let text = "mod a;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nuse a::{\n    b,\n};\n// c\nconst D: u8 = 0;\n\
                #[cfg(test)]\nmod tests {\n}\n";
    let source = Source::new("", text);
    assert_eq!(source.code().collect::<Vec<_>>(), [(1, "mod a;"), (9, "const D: u8 = 0;")]);
}

pub fn rust_sources() -> Vec<Source> {
    [
        "api/adapters/src",
        "api/graphql/src",
        "api/server/src",
        "domain/src",
        "migrations/src",
        "search/src",
        "search/tests",
        "tests/src",
        "tests/it",
    ]
    .into_iter()
    .flat_map(|below| sources(below, &["rs"]))
    .collect()
}

/// Fails with all faults, one a line.
#[track_caller]
pub fn assert_no_faults(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The lines of code that contain any of these words.
fn lines_containing(sources: &[Source], words: &[&str], remedy: &str) -> Vec<String> {
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

/// Whether a path begins with another path.
fn path_starts_with(path: &str, with: &str) -> bool {
    path.strip_prefix(with).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The capability that a file of domain belongs to; `wiring.rs` counts as one.
fn capability(source: &Source) -> Option<String> {
    let rest = source.name.strip_prefix("domain/src/")?;
    let name = rest.split_once('/').map_or_else(|| rest.trim_end_matches(".rs"), |(folder, _)| folder);
    (name != "lib").then(|| name.to_owned())
}

/// The part of its capability that a file belongs to: `store/select.rs` belongs to `store`.
fn part(source: &Source) -> String {
    let rest = source.name.strip_prefix("domain/src/").unwrap_or_default();
    let inside = rest.split_once('/').map_or("", |(_, inside)| inside);
    inside.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// The files of these parts in all capabilities, except kernel and runtime.
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
        let header = source.text.lines().next().unwrap_or_default();
        if part(&source) == "mod" && !header.contains(&format!("(tier {tier})")) {
            faults.push(format!("{}:1: {own} is in tier {tier}: write `(tier {tier})` behind its name", source.name));
        }
        for (line, path) in named_paths(&source) {
            if path.is_empty() || path == "*" {
                faults.push(format!("{}:{line} imports all capabilities: import those that it needs", source.name));
            }
            for (other, of) in &tiers {
                let named = path_starts_with(&path, other);
                let allowed = *other == own || of < tier || (own == "runtime" && *other == "kernel");
                if named && !allowed {
                    faults.push(format!(
                        "{}:{line}: {own} (tier {tier}) names {other} (tier {of}): react to its event, or \
                         move what both need to a lower tier",
                        source.name
                    ));
                }
            }
        }
    }
    assert_no_faults(faults);
}

#[test]
fn a_capability_folder_has_the_standard_files() {
    let mut faults = Vec::new();
    for source in sources("domain/src", &["rs"]) {
        let Some(own) = capability(&source) else { continue };
        if ["kernel", "runtime", "wiring"].contains(&own.as_str()) {
            continue;
        }
        if !SHAPE.contains(&part(&source).as_str()) {
            faults
                .push(format!("{}: a capability contains only {SHAPE:?}; move the code into one of them", source.name));
        }
        if part(&source) == "mod" {
            let lines = source.text.lines().count();
            if lines >= MOD_LINES_MAX || source.code().any(|(_, text)| text.contains("fn ")) {
                faults.push(format!(
                    "{}: mod.rs states purpose, invariants and events in under {MOD_LINES_MAX} lines; move logic out",
                    source.name
                ));
            }
        }
    }
    assert_no_faults(faults);
}

#[test]
fn decisions_are_pure() {
    let pure = parts(&["model", "decide"]);
    assert_no_faults(lines_containing(
        &pure,
        &["async fn", ".await", "SystemClock", "OsEntropy", ".begin("],
        "state and decisions are pure: take time, ids and rows as arguments; async code belongs to commands",
    ));
}

#[test]
fn sql_lives_in_the_store() {
    assert_no_faults(lines_containing(
        &parts(&["commands", "react", "decide", "model"]),
        &["sea_orm", "Entity::", "Column::", "ActiveModel", "Expr::"],
        "SQL belongs to the store: move the statement into a function of the capability's store that takes &Executor, \
         with a name that says what it reads or writes",
    ));
}

#[test]
fn queries_never_write_and_reactions_never_commit() {
    let mut faults = lines_containing(
        &parts(&["queries"]),
        &["insert_many(", "::insert(", "update_many(", "delete_many(", "delete_by_id(", "ActiveModel"],
        "queries only read: move the write to commands",
    );
    // Followers of the log are exempt: they do not write to the database.
    faults.extend(lines_containing(
        &parts(&["react"]),
        &[".begin(", ".commit("],
        "a reaction runs in the transaction of its event: take tx as an argument",
    ));
    assert_no_faults(faults);
}

#[test]
fn a_store_is_private_to_its_capability() {
    let mut faults = Vec::new();
    for source in sources("domain/src", &["rs"]) {
        let own = capability(&source).unwrap_or_default();
        for (line, path) in named_paths(&source) {
            for (other, _) in TIERS.iter().filter(|(other, _)| *other != own && *other != "runtime") {
                // Queries and stores may join tables of lower tiers.
                let reads = ["queries", "store"].contains(&part(&source).as_str());
                if path_starts_with(&path, &format!("{other}::store")) && !reads {
                    faults.push(format!(
                        "{}:{line}: the store of {other} is private: call its commands or queries",
                        source.name
                    ));
                }
            }
        }
    }
    assert_no_faults(faults);
}

#[test]
fn crates_depend_on_lower_layers_only() {
    let mut faults = lines_containing(
        &sources("domain/src", &["rs"]),
        &["actix", "async_graphql", "reqwest", "lettre", "figment", "clap"],
        "domain does not depend on libraries of the transport: convert in api",
    );
    faults.extend(lines_containing(
        &sources("search/src", &["rs"]),
        &["ticket", "Ticket", "sea_orm", "domain::"],
        "search does not depend on tickets or on the database: use a general term of search",
    ));
    faults.extend(lines_containing(
        &sources("migrations/src", &["rs"]),
        &["domain::", "server::", "search::"],
        "a migration does not depend on code that may change: write out the names of its tables and columns",
    ));
    assert_no_faults(faults);
}

#[test]
fn time_comes_from_the_transaction_and_nothing_is_deleted_from_the_log() {
    let sql = [
        ("current_timestamp", "bind tx.now"),
        ("datetime('now", "bind tx.now"),
        ("now()::", "bind tx.now"),
        ("select now()", "bind tx.now"),
        ("delete from event_log", "the log is append-only; redact the text that it refers to"),
        ("delete from ticket", "tickets are never deleted: cancel it"),
        ("event_log::Entity::delete", "the log is append-only; redact the text that it refers to"),
        ("ticket::Entity::delete", "tickets are never deleted: cancel it"),
    ];
    // Tests are exempt: they tamper with the log to test its verification.
    let sources: Vec<Source> = rust_sources().into_iter().filter(|source| !source.name.starts_with("tests/")).collect();
    assert_no_faults(
        sql.into_iter().flat_map(|(words, remedy)| lines_containing(&sources, &[words], remedy)).collect(),
    );
}

#[test]
fn no_test_is_ignored_and_no_lint_is_silenced() {
    let words = [
        ("#[ignore", "fix the test or delete it"),
        (
            "#[allow(",
            "write #[expect(…, reason = \"…\")], which gives the reason and warns when it is no longer needed",
        ),
        ("#![allow(", "write #[expect(…, reason = \"…\")] where it is needed"),
        ("unsafe ", "the workspace contains no unsafe code"),
        ("println!(\"DEBUG", "use tracing, or remove it"),
    ];
    let sources: Vec<Source> = rust_sources().into_iter().filter(|source| !source.path.ends_with("tidy.rs")).collect();
    let mut faults: Vec<String> =
        words.into_iter().flat_map(|(word, remedy)| lines_containing(&sources, &[word], remedy)).collect();
    for source in rust_sources().into_iter().chain(web_sources()).filter(|source| !source.path.ends_with("tidy.rs")) {
        for (i, line) in source.text.lines().enumerate() {
            if ["TODO:", "TODO(", "FIXME", "HACK"].iter().any(|mark| line.contains(mark)) {
                faults.push(format!("{}:{}: do it now, or open an issue", source.name, i + 1));
            }
        }
    }
    assert_no_faults(faults);
}

/// The type that a line declares for other modules: `pub`, or `pub(crate)` and the like.
fn declared_type(text: &str) -> Option<&str> {
    let rest = text.trim_start().strip_prefix("pub")?;
    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
    let rest = rest.strip_prefix(' ')?;
    let name = ["struct ", "enum ", "trait ", "type "].iter().find_map(|keyword| rest.strip_prefix(keyword))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

fn is_unclear(name: &str) -> bool {
    UNCLEAR_TYPE_NAMES.split(' ').any(|unclear| unclear == name.to_lowercase())
}

#[test]
fn public_types_have_descriptive_names() {
    assert_eq!(declared_type("pub struct Raw {").filter(|name| is_unclear(name)), Some("Raw"));
    assert_eq!(declared_type("    pub(crate) enum Reading {").filter(|name| is_unclear(name)), Some("Reading"));
    assert_eq!([declared_type("pub fn read() {"), declared_type("struct Raw {")], [None; 2]);
    let mut folders = vec!["domain/src".to_owned()];
    for api in fs::read_dir(root().join("api")).unwrap() {
        folders.push(format!("api/{}/src", api.unwrap().file_name().to_string_lossy()));
    }
    folders.extend(["search", "embedding"].map(|name| format!("{name}/src")));
    let mut faults = Vec::new();
    for folder in &folders {
        for source in sources(folder, &["rs"]) {
            for (line, text) in source.code() {
                if let Some(name) = declared_type(text).filter(|name| is_unclear(name)) {
                    faults.push(format!(
                        "{}:{line}: the type {name} does not say what it is: use the term of docs/glossary.md, or a noun",
                        source.name
                    ));
                }
            }
        }
    }
    assert_no_faults(faults);
}

fn web_sources() -> Vec<Source> {
    ["web/src", "web/browser"].into_iter().flat_map(|below| sources(below, &["ts", "tsx", "css"])).collect()
}

#[test]
fn no_source_file_is_too_long() {
    let mut faults = Vec::new();
    for source in rust_sources().into_iter().chain(web_sources()) {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!(
                "{}: {lines} lines; split a file of more than {LINES_MAX} lines into a folder",
                source.name
            ));
        }
    }
    assert_no_faults(faults);
}

#[test]
fn links_and_tiers_refer_to_existing_files() {
    let mut faults = Vec::new();
    let pages =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/events.md", "docs/glossary.md"];
    for page in pages {
        let folder = root().join(page).parent().unwrap().to_owned();
        let text = fs::read_to_string(root().join(page)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.starts_with("http") && !folder.join(file).exists() {
                faults.push(format!("{page} links to {file}, which does not exist: fix the link"));
            }
        }
    }
    for (folder, _) in TIERS {
        let path = root().join("domain/src").join(folder);
        if !path.is_dir() && !path.with_extension("rs").is_file() {
            faults.push(format!("domain/src/{folder} does not exist: remove it from TIERS and ARCHITECTURE.md"));
        }
    }
    assert_no_faults(faults);
}
