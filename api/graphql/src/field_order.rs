//! Orders the fields of a response as the document lists them, whichever was resolved first, and removes those that it
//! does not list: the transport adds a field to a selection of which directives leave nothing.
//!
//! <https://spec.graphql.org/October2021/#sec-Serialized-Map-Ordering>

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

/// The response keys of a selection in document order, each with the order of its sub-selection.
#[derive(Debug, Default)]
pub struct FieldOrder(Vec<(Name, FieldOrder)>);

impl FieldOrder {
    /// Expands every fragment: the cost of the document must have been limited before.
    pub fn of(document: &ExecutableDocument, selected: &SelectionSet) -> Self {
        let mut order = Self::default();
        order.add(document, selected);
        order
    }

    fn add(&mut self, document: &ExecutableDocument, selected: &SelectionSet) {
        for selection in &selected.items {
            match &selection.node {
                Selection::Field(field) => {
                    let children = self.children(&field.node.response_key().node);
                    children.add(document, &field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.add(document, &fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        self.add(document, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn children(&mut self, key: &Name) -> &mut Self {
        let index = self.0.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            self.0.push((key.clone(), Self::default()));
            self.0.len() - 1
        });
        &mut self.0[index].1
    }

    fn index(&self, key: &Name) -> usize {
        self.0.iter().position(|(known, _)| known == key).unwrap_or(usize::MAX)
    }

    /// Sorts the fields of a response into this order, and removes those that are not in it.
    pub fn apply(&self, value: &mut Value) {
        match value {
            Value::List(values) => values.iter_mut().for_each(|value| self.apply(value)),
            // The value of a scalar has fields of its own.
            Value::Object(fields) if !self.0.is_empty() => {
                let mut last = 0;
                let (mut in_order, mut all_listed) = (true, true);
                for (key, value) in fields.iter_mut() {
                    let index = self.index(key);
                    in_order &= index >= last;
                    last = index;
                    match self.0.get(index) {
                        Some((_, children)) => children.apply(value),
                        None => all_listed = false,
                    }
                }
                if !all_listed {
                    fields.retain(|key, _| self.index(key) < self.0.len());
                }
                if !in_order {
                    fields.sort_by_cached_key(|key, _| self.index(key));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use async_graphql::value;

    #[test]
    fn response_fields_are_in_document_order() {
        let text =
            "{ viewer { team { key } ...who id } now: boardCursor viewer { roles } ... on Query { about { demo } } }
            fragment who on User { name id }";
        let document = parse_query(text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let order = FieldOrder::of(&document, &operation.node.selection_set.node);
        let mut response = value!({
            "about": { "demo": true },
            "now": "x",
            "viewer": { "roles": [], "id": "1", "name": "a", "team": null },
        });
        order.apply(&mut response);
        let expected = r#"{"viewer":{"team":null,"name":"a","id":"1","roles":[]},"now":"x","about":{"demo":true}}"#;
        assert_eq!(serde_json::to_string(&response).unwrap(), expected);
    }

    #[test]
    fn what_the_document_does_not_list_is_removed() {
        let document = parse_query("{ viewer { name team { key } } about { more } }").unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let order = FieldOrder::of(&document, &operation.node.selection_set.node);
        let mut response = value!({
            "added": "Query",
            "viewer": [{ "added": "User", "team": { "added": "Team" } }],
            "about": { "more": { "of": "a scalar" } },
        });
        order.apply(&mut response);
        let expected = r#"{"viewer":[{"team":{}}],"about":{"more":{"of":"a scalar"}}}"#;
        assert_eq!(serde_json::to_string(&response).unwrap(), expected);
    }
}
