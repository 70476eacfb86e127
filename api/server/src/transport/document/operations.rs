//! The chosen operation alone, and its arguments as the specification gives them: a variable without a value is no
//! argument, whereas the library makes it null.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::Value;

use super::selections::{each_field, sets_mut};
use super::types::Types;

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// The operations that are not executed. They only have to be valid, whatever the variables of the chosen one.
#[derive(Default)]
pub struct OtherOperations {
    operations: Vec<Positioned<OperationDefinition>>,
    fragments: Fragments,
}

impl OtherOperations {
    /// Takes all but the chosen operation out of a document, and the fragments that only they use. Unused fragments stay:
    /// validation reports them.
    pub fn take(document: &mut ExecutableDocument, chosen: Option<&str>) -> Self {
        let DocumentOperations::Multiple(named) = &mut document.operations else { return Self::default() };
        if named.len() == 1 {
            return Self::default();
        }
        let Some((name, operation)) = chosen.and_then(|name| named.remove_entry(name)) else { return Self::default() };
        let operations: Vec<_> = std::mem::take(named).into_values().collect();
        let fragments = document.fragments.clone();
        {
            let of_chosen = used_fragments(&operation.node, &fragments);
            let of_others: HashSet<&Name> =
                operations.iter().flat_map(|other| used_fragments(&other.node, &fragments)).collect();
            document.fragments.retain(|name, _| of_chosen.contains(name) || !of_others.contains(name));
        }
        named.insert(name, operation);
        Self { operations, fragments }
    }

    /// One document for each.
    pub fn into_documents(self) -> impl Iterator<Item = ExecutableDocument> {
        let Self { operations, fragments } = self;
        operations.into_iter().map(move |operation| {
            let used = used_fragments(&operation.node, &fragments);
            let used = used.into_iter().filter_map(|name| fragments.get_key_value(name));
            let fragments = used.map(|(name, fragment)| (name.clone(), fragment.clone())).collect();
            ExecutableDocument { operations: DocumentOperations::Single(operation), fragments }
        })
    }
}

/// The document of its only operation, without its name.
pub fn unnamed(document: &ExecutableDocument) -> ExecutableDocument {
    let mut unnamed = document.clone();
    if let DocumentOperations::Multiple(named) = &mut unnamed.operations
        && let Some(operation) = std::mem::take(named).into_values().next()
    {
        unnamed.operations = DocumentOperations::Single(operation);
    }
    unnamed
}

/// The variables, with null for those that have no value: the library does not look at an argument that uses one.
pub fn with_nulls(document: &ExecutableDocument, variables: &Variables) -> Variables {
    let mut values = variables.clone();
    for (_, operation) in document.operations.iter() {
        for definition in &operation.node.variable_definitions {
            values.entry(definition.node.name.node.clone()).or_default();
        }
    }
    values
}

/// The names of the fragments that an operation uses, also by way of others.
fn used_fragments<'d>(operation: &'d OperationDefinition, fragments: &'d Fragments) -> HashSet<&'d Name> {
    let mut used = HashSet::new();
    let mut sets: Vec<&SelectionSet> = vec![&operation.selection_set.node];
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => sets.push(&field.node.selection_set.node),
                Selection::InlineFragment(fragment) => sets.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if used.insert(name)
                        && let Some(fragment) = fragments.get(name)
                    {
                        sets.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    used
}

/// Whether a variable without a value is where null is something else: in the place of an argument that has a default,
/// or of a field of an input object.
pub fn has_absent_values(types: &Types, document: &ExecutableDocument, variables: &Variables) -> bool {
    let mut found = false;
    each_field(types, document, &mut |field: &Field, on: Option<&str>| {
        for (name, value) in &field.arguments {
            found |= match &value.node {
                Value::Variable(variable) => {
                    let on = on.unwrap_or_default();
                    !variables.contains_key(variable) && types.has_default(on, &field.name.node, &name.node)
                }
                value => has_absent_field(value, variables),
            };
        }
    });
    found
}

fn has_absent_field(value: &Value, variables: &Variables) -> bool {
    match value {
        Value::List(items) => items.iter().any(|item| has_absent_field(item, variables)),
        Value::Object(fields) => {
            fields.values().any(|field| is_absent(field, variables) || has_absent_field(field, variables))
        }
        _ => false,
    }
}

fn is_absent(value: &Value, variables: &Variables) -> bool {
    matches!(value, Value::Variable(name) if !variables.contains_key(name))
}

/// Removes the variables without a value, wherever they are used. The document has been validated with them.
pub fn remove_absent_values(document: &mut ExecutableDocument, variables: &Variables) {
    if let DocumentOperations::Single(operation) = &mut document.operations {
        remove_definitions(&mut operation.node, variables);
    } else if let DocumentOperations::Multiple(named) = &mut document.operations {
        named.values_mut().for_each(|operation| remove_definitions(&mut operation.node, variables));
    }
    for set in sets_mut(document) {
        remove_arguments(&mut set.node, variables);
    }
}

fn remove_definitions(operation: &mut OperationDefinition, variables: &Variables) {
    operation.variable_definitions.retain(|definition| variables.contains_key(&definition.node.name.node));
}

fn remove_arguments(set: &mut SelectionSet, variables: &Variables) {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => {
                field.node.arguments.retain(|(_, value)| !is_absent(&value.node, variables));
                for (_, value) in &mut field.node.arguments {
                    remove_fields(&mut value.node, variables);
                }
                remove_arguments(&mut field.node.selection_set.node, variables);
            }
            Selection::InlineFragment(fragment) => {
                remove_arguments(&mut fragment.node.selection_set.node, variables);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn remove_fields(value: &mut Value, variables: &Variables) {
    if is_absent(value, variables) {
        // An item of a list, which keeps its place.
        *value = Value::Null;
    }
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| remove_fields(item, variables)),
        Value::Object(fields) => {
            fields.retain(|_, field| !is_absent(field, variables));
            fields.values_mut().for_each(|field| remove_fields(field, variables));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::super::types::TYPES;
    use super::*;

    fn names(document: &ExecutableDocument) -> Vec<&str> {
        let mut names: Vec<&str> = document.fragments.keys().map(Name::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn each_operation_gets_its_own_fragments() {
        let text = "query A { ...a } mutation B { ...b } query C { viewer { ... on User { ...c } } }
            fragment a on Query { viewer { ...c } } fragment b on Mutation { __typename } fragment c on User { id }
            fragment unused on User { id }";
        let mut document = parse_query(text).unwrap();
        let others = OtherOperations::take(&mut document, Some("A"));
        assert_eq!(names(&document), ["a", "c", "unused"]);
        assert_eq!(document.operations.iter().map(|(name, _)| name.unwrap().as_str()).collect::<Vec<_>>(), ["A"]);
        let documents: Vec<_> = others.into_documents().collect();
        let mut used: Vec<_> = documents.iter().map(names).collect();
        used.sort();
        assert_eq!(used, [["b"], ["c"]]);
        for text in ["{ viewer { id } }", "query A { viewer { id } }"] {
            let mut document = parse_query(text).unwrap();
            assert_eq!(OtherOperations::take(&mut document, None).into_documents().count(), 0, "{text}");
            assert_eq!(document.operations.iter().count(), 1, "{text}");
            assert!(matches!(unnamed(&document).operations, DocumentOperations::Single(_)), "{text}");
        }
    }

    #[test]
    fn a_variable_without_a_value_is_no_argument() {
        let mut variables = Variables::default();
        variables.insert(Name::new("given"), 5.into());
        for (arguments, expected) in [
            ("tickets(first: $given, after: $none)", None),
            ("tickets(filter: { text: \"x\" })", None),
            ("tickets(filter: $none)", None),
            ("similarCases(input: $given, first: $none)", Some("input: $given")),
            ("similarCases(input: { title: \"x\", product: $none })", Some("input: {title: \"x\"}")),
            (
                "tickets(filter: { or: [{ text: $none }, $none, { text: $given }] }, after: $none)",
                Some("filter: {or: [{}, null, {text: $given}]}"),
            ),
        ] {
            let fragment = format!("fragment f on Query {{ {arguments} {{ id }} }}");
            let text = format!("query Q($given: Int, $none: Int) {{ viewer {{ id }} ...f }} {fragment}");
            let mut document = parse_query(text).unwrap();
            assert_eq!(has_absent_values(&TYPES, &document, &variables), expected.is_some(), "{arguments}");
            let Some(expected) = expected else { continue };
            remove_absent_values(&mut document, &variables);
            let mut left = Vec::new();
            each_field(&TYPES, &document, &mut |field: &Field, _: Option<&str>| {
                left.extend(field.arguments.iter().map(|(name, value)| format!("{name}: {value}")));
            });
            assert_eq!(left, [expected]);
            let (_, operation) = document.operations.iter().next().unwrap();
            let defined: Vec<String> =
                operation.node.variable_definitions.iter().map(|one| one.node.name.node.to_string()).collect();
            assert_eq!(defined, ["given"]);
        }
    }
}
