//! The texts for people stand in catalogues, `domain/locales/*.ftl`: every message that code names exists in every language, none is
//! unused, and all languages use the arguments that code gives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

type Arguments = BTreeSet<String>;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The messages of a catalogue with the arguments of each.
fn catalogue(name: &str) -> BTreeMap<String, Arguments> {
    let source = std::fs::read_to_string(root().join("domain/locales").join(name)).unwrap();
    let message = Regex::new(r"^([a-z][a-z0-9-]*) =").unwrap();
    let argument = Regex::new(r"\$([a-z_0-9]+)").unwrap();
    let mut found: BTreeMap<String, Arguments> = BTreeMap::new();
    let mut id = String::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if let Some(begins) = message.captures(line) {
            id = begins[1].to_owned();
            assert!(found.insert(id.clone(), Arguments::new()).is_none(), "{name}: {id} stands twice");
        }
        let of = found.entry(id.clone()).or_default();
        of.extend(argument.captures_iter(line).map(|captures| captures[1].to_owned()));
    }
    found.remove("");
    found
}

fn rust_files(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let production = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
            files.push((name, production));
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["domain/src", "api/graphql/src", "api/adapters/src", "api/server/src"] {
        rust_files(&root().join(folder), &mut files);
    }
    files.retain(|(name, _)| !name.ends_with("tests.rs") && !name.contains("/tests/"));
    files
}

/// The arguments of a call that begins behind its opening parenthesis.
fn arguments(call: &str) -> Arguments {
    let (mut depth, mut quoted, mut escaped, mut parts) = (0_i32, false, false, vec![String::new()]);
    for c in call.chars() {
        let last = parts.last_mut().unwrap();
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        last.push(c);
    }
    let named = parts.iter().skip(1).filter_map(|part| part.split_once('='));
    named.map(|(name, _)| name.trim().to_owned()).collect()
}

#[test]
fn every_message_of_the_code_exists_in_every_language_and_none_is_unused() {
    let catalogues = ["en.ftl", "zh-CN.ftl"].map(|name| (name, catalogue(name)));
    let call = Regex::new(r#"msg!\(\s*"([^"]+)""#).unwrap();
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for (file, text) in sources() {
        for found in call.captures_iter(&text) {
            let id = found[1].to_owned();
            let given = arguments(&text[found.get(1).unwrap().end() + 1..]);
            for (name, catalogue) in &catalogues {
                match catalogue.get(&id) {
                    None => faults.push(format!("{file}: {name} has no message {id}")),
                    Some(wanted) if *wanted != given => {
                        faults.push(format!("{file}: {id} is given {given:?}, and {name} uses {wanted:?}"));
                    }
                    Some(_) => {}
                }
            }
            used.insert(id);
        }
    }
    for (name, catalogue) in &catalogues {
        faults.extend(catalogue.keys().filter(|id| !used.contains(*id)).map(|id| format!("{name}: nothing uses {id}")));
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Texts that are not messages: marks in what others wrote, names that a new installation begins with.
const BILINGUAL: [&str; 9] = [
    "domain/src/calendar/commands.rs",
    "domain/src/catalogue/model.rs",
    "domain/src/intake/decide/email/automatic.rs",
    "domain/src/intake/decide/email/fingerprint.rs",
    "domain/src/intake/decide/email/subject.rs",
    "domain/src/intake/decide/quoted_text.rs",
    "domain/src/intake/decide/words.rs",
    "domain/src/sla/commands.rs",
    "api/server/src/cli/demo",
];

#[test]
fn texts_for_people_stand_in_the_catalogues() {
    let han = |line: &str| line.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let mut faults = Vec::new();
    for (file, text) in sources() {
        if BILINGUAL.iter().any(|allowed| file.starts_with(allowed)) {
            continue;
        }
        for (n, line) in text.lines().enumerate() {
            if han(line) && !line.trim_start().starts_with("//") {
                faults.push(format!("{file}:{}: put the text into domain/locales and name it by msg!", n + 1));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
