//! The order of an answer's fields: as the document has them, whichever was resolved first.
//!
//! <https://spec.graphql.org/October2021/#sec-Serialized-Map-Ordering>

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

/// The response keys of a selection in their order, each with those below it.
#[derive(Debug, Default)]
pub struct Shape(Vec<(Name, Shape)>);

impl Shape {
    /// Of a document whose cost is bounded: every fragment is written out.
    pub fn of(document: &ExecutableDocument, selected: &SelectionSet) -> Self {
        let mut shape = Self::default();
        shape.gather(document, selected);
        shape
    }

    fn gather(&mut self, document: &ExecutableDocument, selected: &SelectionSet) {
        for selection in &selected.items {
            match &selection.node {
                Selection::Field(field) => {
                    let below = self.below(&field.node.response_key().node);
                    below.gather(document, &field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.gather(document, &fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        self.gather(document, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn below(&mut self, key: &Name) -> &mut Self {
        let place = self.0.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            self.0.push((key.clone(), Self::default()));
            self.0.len() - 1
        });
        &mut self.0[place].1
    }

    fn place(&self, key: &Name) -> usize {
        self.0.iter().position(|(known, _)| known == key).unwrap_or(usize::MAX)
    }

    /// Puts an answer into this order.
    pub fn arrange(&self, value: &mut Value) {
        match value {
            Value::List(values) => values.iter_mut().for_each(|value| self.arrange(value)),
            Value::Object(fields) => {
                let mut last = 0;
                let mut in_order = true;
                for (key, value) in fields.iter_mut() {
                    let place = self.place(key);
                    in_order &= place >= last;
                    last = place;
                    if let Some((_, below)) = self.0.get(place) {
                        below.arrange(value);
                    }
                }
                if !in_order {
                    fields.sort_by_cached_key(|key, _| self.place(key));
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
    fn fields_stand_as_the_document_has_them() {
        let text =
            "{ viewer { team { key } ...who id } now: boardCursor viewer { roles } ... on Query { about { demo } } }
            fragment who on User { name id }";
        let document = parse_query(text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let shape = Shape::of(&document, &operation.node.selection_set.node);
        let mut answer = value!({
            "about": { "demo": true },
            "now": "x",
            "viewer": { "roles": [], "id": "1", "name": "a", "team": null },
        });
        shape.arrange(&mut answer);
        let expected = r#"{"viewer":{"team":null,"name":"a","id":"1","roles":[]},"now":"x","about":{"demo":true}}"#;
        assert_eq!(serde_json::to_string(&answer).unwrap(), expected);
    }
}
