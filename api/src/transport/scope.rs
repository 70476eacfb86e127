//! What a token of scope todo:read reaches: what waits for its owner, and what the float on a page of another site shows of it.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Where an operation may begin.
const ROOTS: [&str; 4] = ["__typename", "acknowledgeNotification", "myNotifications", "myTodo"];

/// Every field, at whatever depth, by its name: what is not here cannot be asked.
const FIELDS: [&str; 25] = [
    "__typename",
    "acknowledgeNotification",
    "body",
    "cause",
    "code",
    "count",
    "createdAt",
    "cursor",
    "decidedAt",
    "field",
    "id",
    "longestWaitSeconds",
    "message",
    "myNotifications",
    "myTodo",
    "notification",
    "number",
    "priority",
    "state",
    "status",
    "ticket",
    "tickets",
    "title",
    "unread",
    "userErrors",
];

/// Whether a document asks for nothing else; the error names the first field beyond.
pub fn reads_todo(document: &ExecutableDocument) -> Result<(), String> {
    document.operations.iter().try_for_each(|(_, operation)| roots(&operation.node.selection_set.node, document))?;
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).try_for_each(check)
}

fn refused(name: &str) -> String {
    format!("A token of scope todo:read does not reach {name}: sign in to ask for it.")
}

/// The document's cost was looked at before: its fragments do not go in circles.
fn roots(set: &SelectionSet, document: &ExecutableDocument) -> Result<(), String> {
    set.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) => {
            let name = field.node.name.node.as_str();
            if ROOTS.contains(&name) { Ok(()) } else { Err(refused(name)) }
        }
        Selection::InlineFragment(fragment) => roots(&fragment.node.selection_set.node, document),
        Selection::FragmentSpread(spread) => match document.fragments.get(&spread.node.fragment_name.node) {
            Some(fragment) => roots(&fragment.node.selection_set.node, document),
            None => Ok(()),
        },
    })
}

fn check(set: &SelectionSet) -> Result<(), String> {
    set.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) => {
            let name = field.node.name.node.as_str();
            if !FIELDS.contains(&name) {
                return Err(refused(name));
            }
            check(&field.node.selection_set.node)
        }
        Selection::InlineFragment(fragment) => check(&fragment.node.selection_set.node),
        // Each fragment is looked at by itself.
        Selection::FragmentSpread(_) => Ok(()),
    })
}
