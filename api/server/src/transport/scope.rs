//! Restricts a token of scope todo:read to what the to-do widget shows: its owner's tasks and notifications.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Permitted root fields.
const ROOTS: [&str; 4] = ["__typename", "acknowledgeNotification", "myNotifications", "myTodo"];

/// Permitted fields at any depth, by name.
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

/// Checks that a document stays within the scope; the error names the first field outside it.
pub fn check_todo_scope(document: &ExecutableDocument) -> Result<(), String> {
    document
        .operations
        .iter()
        .try_for_each(|(_, operation)| check_root_fields(&operation.node.selection_set.node, document))?;
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).try_for_each(check_fields)
}

fn out_of_scope(name: &str) -> String {
    format!("A token of scope todo:read does not reach {name}: sign in to ask for it.")
}

/// The cost check has already rejected cyclic fragments.
fn check_root_fields(set: &SelectionSet, document: &ExecutableDocument) -> Result<(), String> {
    set.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) => {
            let name = field.node.name.node.as_str();
            if ROOTS.contains(&name) { Ok(()) } else { Err(out_of_scope(name)) }
        }
        Selection::InlineFragment(fragment) => check_root_fields(&fragment.node.selection_set.node, document),
        Selection::FragmentSpread(spread) => match document.fragments.get(&spread.node.fragment_name.node) {
            Some(fragment) => check_root_fields(&fragment.node.selection_set.node, document),
            None => Ok(()),
        },
    })
}

fn check_fields(set: &SelectionSet) -> Result<(), String> {
    set.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) => {
            let name = field.node.name.node.as_str();
            if !FIELDS.contains(&name) {
                return Err(out_of_scope(name));
            }
            check_fields(&field.node.selection_set.node)
        }
        Selection::InlineFragment(fragment) => check_fields(&fragment.node.selection_set.node),
        // Every fragment is checked separately.
        Selection::FragmentSpread(_) => Ok(()),
    })
}
