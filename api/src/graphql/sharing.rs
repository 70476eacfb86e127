//! What subscribers of a live feed have in common: one execution for each query, its variables and the rights that its
//! answer depends on, serialised once.
//!
//! Who is told of which event is decided for each subscriber. The answer is shared only where every field of it reads the
//! same for all who see the ticket in full and stand on the same side ([`IMPERSONAL`]); any other field makes it the
//! subscriber's own.

use std::collections::BTreeSet;
use std::convert::Infallible;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Value};
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use super::live::Group;
use super::order::Shape;
use crate::language::Language;

/// Fields that read the same for every viewer of a side, on whatever type of the answer they stand.
pub const IMPERSONAL: [&str; 52] = [
    "__typename",
    "access",
    "assignee",
    "at",
    "attribution",
    "author",
    "body",
    "by",
    "cancelReason",
    "causeTag",
    "channel",
    "chaseCount",
    "closedAt",
    "comments",
    "createdAt",
    "cursor",
    "customer",
    "description",
    "externalId",
    "externalRefs",
    "faultType",
    "firstOpenedAt",
    "firstOpenedBy",
    "firstRespondedAt",
    "handOverCount",
    "id",
    "issueType",
    "key",
    "kind",
    "name",
    "nodes",
    "number",
    "priority",
    "product",
    "reopenCount",
    "requester",
    "requiredSkills",
    "resolution",
    "resolvedAt",
    "rootCauseLevel",
    "solutionTags",
    "status",
    "system",
    "team",
    "ticket",
    "ticketId",
    "title",
    "token",
    "updatedAt",
    "version",
    "visibility",
    "waitingReason",
];

/// A subscription's answers: their order, and with whom they may be shared.
pub struct Sharing {
    pub shape: Shape,
    /// Of the document and the variables below the root field; `None`: each subscriber's own.
    asked: Option<Sha256>,
    /// Some of it reads alike for staff alone.
    staff_only: bool,
}

/// A person's customer is shown to staff and to colleagues, not to every requester who sees the ticket.
const ALIKE_FOR_STAFF: &str = "customer";

impl Sharing {
    pub fn of(
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        text: &str,
        variables: Option<&Map<String, Json>>,
    ) -> Self {
        let shape = Shape::of(document, &operation.selection_set.node);
        let mut used = BTreeSet::new();
        let root = &operation.selection_set.node.items;
        let lasts = operation.ty == OperationType::Subscription;
        let impersonal = lasts
            && root.iter().all(|selection| match &selection.node {
                Selection::Field(field) => reads_alike(document, &field.node.selection_set.node, &mut used),
                Selection::InlineFragment(_) | Selection::FragmentSpread(_) => false,
            });
        let asked = impersonal.then(|| {
            let mut digest = Sha256::new_with_prefix(text);
            // Of a document with several operations, the one that was chosen.
            digest.update(format!("\0{}\0", operation.selection_set.pos));
            for name in &used {
                // One that is not given has its default, and is not null.
                match variables.and_then(|variables| variables.get(name.as_str())) {
                    Some(value) => digest.update(format!("{name}={value}\0")),
                    None => digest.update(format!("{name}\0")),
                }
            }
            digest
        });
        let staff_only = impersonal && names(document, &operation.selection_set.node, ALIKE_FOR_STAFF);
        Self { shape, asked, staff_only }
    }

    /// Those who share: the same question, asked from the same side in the same language.
    pub fn group(&self, as_requester: bool, language: Language) -> Option<Group> {
        if as_requester && self.staff_only {
            return None;
        }
        let mut digest = self.asked.clone()?;
        digest.update([u8::from(as_requester), u8::from(language == Language::En)]);
        Some(digest.finalize().into())
    }
}

/// Whether a field of this name stands anywhere in a selection.
fn names(document: &ExecutableDocument, selected: &SelectionSet, name: &str) -> bool {
    selected.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            field.node.name.node == name || names(document, &field.node.selection_set.node, name)
        }
        Selection::InlineFragment(fragment) => names(document, &fragment.node.selection_set.node, name),
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.is_some_and(|fragment| names(document, &fragment.node.selection_set.node, name))
        }
    })
}

/// Whether all of a selection reads alike; gathers the variables that it names.
fn reads_alike(document: &ExecutableDocument, selected: &SelectionSet, used: &mut BTreeSet<Name>) -> bool {
    selected.items.iter().all(|selection| {
        let mut given = Vec::new();
        let (directives, below) = match &selection.node {
            Selection::Field(field) => {
                if !IMPERSONAL.contains(&field.node.name.node.as_str()) {
                    return false;
                }
                given.extend(field.node.arguments.iter().map(|(_, value)| value.node.clone()));
                (&field.node.directives, Some(&field.node.selection_set.node))
            }
            Selection::InlineFragment(fragment) => (&fragment.node.directives, Some(&fragment.node.selection_set.node)),
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                (&spread.node.directives, fragment.map(|fragment| &fragment.node.selection_set.node))
            }
        };
        let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
        given.extend(arguments.map(|(_, value)| value.node.clone()));
        for value in given {
            let _ = value.into_const_with(|name| {
                used.insert(name);
                Ok::<_, Infallible>(Value::Null)
            });
        }
        below.is_some_and(|below| reads_alike(document, below, used))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn group(text: &str, variables: &str, as_requester: bool) -> Option<Group> {
        let document = parse_query(text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let variables: Map<String, Json> = serde_json::from_str(variables).unwrap();
        Sharing::of(&document, &operation.node, text, Some(&variables)).group(as_requester, Language::En)
    }

    const BOARD: &str = "subscription B($f: TicketFilter, $n: Int) {
        boardEvents(filter: $f) { kind ticket { ...card comments(last: $n) { nodes { body } } } } }
        fragment card on Ticket { number assignee { name } }";

    #[test]
    fn they_share_who_ask_the_same_of_what_they_are_told() {
        let one = group(BOARD, r#"{ "f": null, "n": 3 }"#, false);
        assert!(one.is_some());
        let filtered = group(BOARD, r#"{ "f": { "priority": { "eq": "HIGH" } }, "n": 3 }"#, false);
        assert_eq!(one, filtered, "a filter decides who is told, not what");
        assert_ne!(one, group(BOARD, r#"{ "f": null, "n": 4 }"#, false), "another variable");
        assert_ne!(one, group(BOARD, r#"{ "f": null, "n": 3 }"#, true), "another side");
        assert_ne!(group(BOARD, "{}", false), group(BOARD, r#"{ "n": null }"#, false), "a default is not null");
        assert_ne!(one, group(&BOARD.replace("number", "title"), r#"{ "n": 3 }"#, false), "another document");
    }

    #[test]
    fn what_hangs_on_the_viewer_is_shared_with_nobody() {
        for own in [
            "allowedActions",
            "similarCases { score }",
            "assignee { email }",
            "... on Ticket { events { nodes { kind } } }",
        ] {
            let text = format!("subscription {{ boardEvents {{ kind ticket {{ number {own} }} }} }}");
            assert_eq!(group(&text, "{}", false), None, "{own}");
        }
        let customers = "subscription { boardEvents { ticket { requester { customer { name } } } } }";
        assert!(group(customers, "{}", false).is_some());
        assert_eq!(group(customers, "{}", true), None, "requesters do not see every customer of every person");
        assert_eq!(group("query { viewer { id } }", "{}", false), None, "no feed");
    }
}
