//! The modules of the program, of the schema and of the adapters form no circle, so they can be read one after the other.
//! Between crates Cargo forbids circles; between capabilities the tiers do (`tidy`).

use std::collections::{BTreeMap, BTreeSet};

use crate::named_paths::named_paths;
use crate::tidy::sources;

/// Modules of nodes of the schema that refer to each other: a ticket's card and notifications, and their tickets. Each names
/// the others' node types in its fields, and GraphQL has no other way to say it.
const NODE_GRAPH: [&str; 3] = ["knowledge", "notifications", "ticket"];

/// The top-level modules of a crate, with those that each names.
fn modules(below: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources(below, &["rs"]) {
        let path = source.name.strip_prefix(below).unwrap_or_default().trim_start_matches('/');
        let own = path.split(['/', '.']).next().unwrap_or_default().to_owned();
        let names =
            named_paths(&source).into_iter().map(|(_, path)| path.split("::").next().unwrap_or_default().to_owned());
        found.entry(own).or_default().extend(names);
    }
    let known: BTreeSet<String> = found.keys().cloned().collect();
    for (own, names) in &mut found {
        // What is no module is an item of the root.
        if names.iter().any(|name| !known.contains(name)) && known.contains("lib") {
            names.insert("lib".to_owned());
        }
        names.retain(|name| name != own && known.contains(name));
    }
    found
}

/// The modules of a circle, and those that name one. Modules that name none of the rest are taken away until none is left.
fn circle(mut rest: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let free: BTreeSet<String> =
            rest.iter().filter(|(_, names)| names.is_empty()).map(|(own, _)| own.clone()).collect();
        if free.is_empty() {
            return rest;
        }
        rest.retain(|own, _| !free.contains(own));
        rest.values_mut().for_each(|names| names.retain(|name| !free.contains(name)));
    }
}

#[test]
fn the_modules_of_the_program_form_no_circle() {
    let modules = modules("api/server/src");
    assert!(modules.contains_key("config"), "{modules:?}");
    let circle = circle(modules);
    assert!(circle.is_empty(), "these modules name each other in a circle: {circle:#?}");
}

#[test]
fn the_modules_of_the_adapters_form_no_circle() {
    let modules = modules("api/adapters/src");
    assert!(modules["wecom"].contains("chat"), "{modules:?}");
    let circle = circle(modules);
    assert!(circle.is_empty(), "these modules name each other in a circle: {circle:#?}");
}

#[test]
fn only_nodes_of_the_schema_form_a_circle() {
    let mut modules = modules("api/graphql/src");
    let all: BTreeSet<String> = modules.keys().filter(|name| *name != "lib").cloned().collect();
    // The root declares all of them: who names an item of the root is in a circle with it.
    modules.insert("lib".to_owned(), all);
    let is_node = |name: &String| NODE_GRAPH.contains(&name.as_str());
    let mut nodes = modules.clone();
    nodes.retain(|own, _| is_node(own));
    nodes.values_mut().for_each(|names| names.retain(|name| is_node(name)));
    assert_eq!(
        circle(nodes).len(),
        NODE_GRAPH.len(),
        "a module in NODE_GRAPH forms no circle: remove it from the list"
    );
    // The graph of nodes counts as one module, so that no other module gets into its circles.
    let merged = |name: String| if is_node(&name) { "nodes".to_owned() } else { name };
    let mut rest: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (own, names) in modules {
        let own = merged(own);
        let names = names.into_iter().map(merged).filter(|name| *name != own);
        rest.entry(own.clone()).or_default().extend(names);
    }
    let circle = circle(rest);
    assert!(circle.is_empty(), "a circle: move what several modules need to a module below them: {circle:#?}");
}
