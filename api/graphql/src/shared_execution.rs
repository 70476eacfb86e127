//! Shared execution of subscriptions: subscribers with the same query, the same variables and the same relevant rights
//! get one payload, executed and serialised once.
//!
//! Which events a subscriber receives is decided for each one. The payload is shared only if every field of the query
//! is in [`VIEWER_INDEPENDENT_FIELDS`]: its value is the same for all viewers who see the ticket in full and are on the
//! same side (staff or requesters). Any other field makes the payload the subscriber's own.

use std::collections::BTreeSet;
use std::convert::Infallible;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Value};
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use super::field_order::FieldOrder;
use super::live::ExecutionKey;
use domain::kernel::Locale;

/// Fields whose value is the same for all viewers on one side, on every type that has them.
pub const VIEWER_INDEPENDENT_FIELDS: [&str; 52] = [
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

/// How an operation is executed: the order of its response fields, and with whom a subscription's payloads are shared.
pub struct SharedExecution {
    pub field_order: FieldOrder,
    /// Digest of the document and of the variables below the root field; `None`: payloads are never shared.
    digest: Option<Sha256>,
    /// A field is viewer-independent among staff only.
    staff_only: bool,
}

/// Staff and colleagues see a person's customer; other requesters who see the ticket do not.
const STAFF_INDEPENDENT_FIELD: &str = "customer";

impl SharedExecution {
    pub fn of(
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        text: &str,
        variables: Option<&Map<String, Json>>,
    ) -> Self {
        let field_order = FieldOrder::of(document, &operation.selection_set.node);
        let mut used = BTreeSet::new();
        let root = &operation.selection_set.node.items;
        let is_subscription = operation.ty == OperationType::Subscription;
        let viewer_independent = is_subscription
            && root.iter().all(|selection| match &selection.node {
                Selection::Field(field) => is_viewer_independent(document, &field.node.selection_set.node, &mut used),
                Selection::InlineFragment(_) | Selection::FragmentSpread(_) => false,
            });
        let digest = viewer_independent.then(|| {
            let mut digest = Sha256::new_with_prefix(text);
            // A document may have several operations: the position identifies the chosen one.
            digest.update(format!("\0{}\0", operation.selection_set.pos));
            for name in &used {
                // A variable that is not given has its default, which differs from null.
                match variables.and_then(|variables| variables.get(name.as_str())) {
                    Some(value) => digest.update(format!("{name}={value}\0")),
                    None => digest.update(format!("{name}\0")),
                }
            }
            digest
        });
        let staff_only =
            viewer_independent && selects_field(document, &operation.selection_set.node, STAFF_INDEPENDENT_FIELD);
        Self { field_order, digest, staff_only }
    }

    /// The key of subscribers with equal payloads: same query, side and language. `None`: the payload is not shared.
    pub fn key(&self, as_requester: bool, language: Locale) -> Option<ExecutionKey> {
        if as_requester && self.staff_only {
            return None;
        }
        let mut digest = self.digest.clone()?;
        digest.update([u8::from(as_requester)]);
        digest.update(language.as_str());
        Some(digest.finalize().into())
    }
}

/// Whether a selection contains a field of this name at any depth.
fn selects_field(document: &ExecutableDocument, selected: &SelectionSet, name: &str) -> bool {
    selected.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            field.node.name.node == name || selects_field(document, &field.node.selection_set.node, name)
        }
        Selection::InlineFragment(fragment) => selects_field(document, &fragment.node.selection_set.node, name),
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.is_some_and(|fragment| selects_field(document, &fragment.node.selection_set.node, name))
        }
    })
}

/// Whether all fields of a selection are viewer-independent; collects the variables that it uses.
fn is_viewer_independent(document: &ExecutableDocument, selected: &SelectionSet, used: &mut BTreeSet<Name>) -> bool {
    selected.items.iter().all(|selection| {
        let mut given = Vec::new();
        let (directives, below) = match &selection.node {
            Selection::Field(field) => {
                if !VIEWER_INDEPENDENT_FIELDS.contains(&field.node.name.node.as_str()) {
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
        below.is_some_and(|below| is_viewer_independent(document, below, used))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn key(text: &str, variables: &str, as_requester: bool) -> Option<ExecutionKey> {
        let document = parse_query(text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let variables: Map<String, Json> = serde_json::from_str(variables).unwrap();
        SharedExecution::of(&document, &operation.node, text, Some(&variables)).key(as_requester, Locale::En)
    }

    const BOARD: &str = "subscription B($f: TicketFilter, $n: Int) {
        boardEvents(filter: $f) { kind ticket { ...card comments(last: $n) { nodes { body } } } } }
        fragment card on Ticket { number assignee { name } }";

    #[test]
    fn subscribers_with_the_same_selection_and_side_share_a_payload() {
        let one = key(BOARD, r#"{ "f": null, "n": 3 }"#, false);
        assert!(one.is_some());
        let filtered = key(BOARD, r#"{ "f": { "priority": { "eq": "HIGH" } }, "n": 3 }"#, false);
        assert_eq!(one, filtered, "a filter selects events, it does not change payloads");
        assert_ne!(one, key(BOARD, r#"{ "f": null, "n": 4 }"#, false), "another variable");
        assert_ne!(one, key(BOARD, r#"{ "f": null, "n": 3 }"#, true), "another side");
        assert_ne!(key(BOARD, "{}", false), key(BOARD, r#"{ "n": null }"#, false), "a default is not null");
        assert_ne!(one, key(&BOARD.replace("number", "title"), r#"{ "n": 3 }"#, false), "another document");
    }

    #[test]
    fn a_viewer_dependent_field_prevents_sharing() {
        for field in [
            "allowedActions",
            "similarCases { score }",
            "assignee { email }",
            "... on Ticket { events { nodes { kind } } }",
        ] {
            let text = format!("subscription {{ boardEvents {{ kind ticket {{ number {field} }} }} }}");
            assert_eq!(key(&text, "{}", false), None, "{field}");
        }
        let customers = "subscription { boardEvents { ticket { requester { customer { name } } } } }";
        assert!(key(customers, "{}", false).is_some());
        assert_eq!(key(customers, "{}", true), None, "requesters do not see every customer of every person");
        assert_eq!(key("query { viewer { id } }", "{}", false), None, "not a subscription");
    }
}
