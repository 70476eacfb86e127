//! The fields that a document selects, and the selections of which directives leave nothing.

use std::collections::HashSet;

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationType, Selection, SelectionSet,
    TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::types::Types;

const TYPENAME: &str = "__typename";
/// The alias of the field that is added to a selection of which nothing is left. [`graphql::field_order`] removes it from
/// the response, as it does every field that the document does not list.
const ADDED: &str = "__buoy_emptied";

/// Refuses what the library's validation does not look at: arguments, selections and directives of `__typename`, and
/// directives of variables. A `__typename` with directives becomes a fragment with them, which is validated.
pub fn normalise(document: &mut ExecutableDocument) -> Result<(), String> {
    for (_, operation) in document.operations.iter() {
        for variable in &operation.node.variable_definitions {
            if let Some(Positioned { node: Directive { name, .. }, .. }) = variable.node.directives.first() {
                return Err(format!("The directive @{name} may not be used on the variable ${}.", variable.node.name));
            }
        }
    }
    sets_mut(document).into_iter().try_for_each(|set| normalise_set(&mut set.node))
}

/// The selections of the operations and of the fragments.
pub fn sets_mut(document: &mut ExecutableDocument) -> Vec<&mut Positioned<SelectionSet>> {
    let operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(named) => named.values_mut().collect(),
    };
    let operations = operations.into_iter().map(|operation| &mut operation.node.selection_set);
    operations.chain(document.fragments.values_mut().map(|fragment| &mut fragment.node.selection_set)).collect()
}

fn normalise_set(set: &mut SelectionSet) -> Result<(), String> {
    set.items.iter_mut().try_for_each(|selection| match &mut selection.node {
        Selection::Field(field) if field.node.name.node == TYPENAME => {
            if !field.node.arguments.is_empty() || !field.node.selection_set.node.items.is_empty() {
                return Err(format!("{TYPENAME} has neither arguments nor fields."));
            }
            let directives = std::mem::take(&mut field.node.directives);
            if !directives.is_empty() {
                let (pos, field) = (field.pos, Selection::Field(field.clone()));
                let selection_set = Positioned::new(SelectionSet { items: vec![Positioned::new(field, pos)] }, pos);
                let fragment = InlineFragment { type_condition: None, directives, selection_set };
                selection.node = Selection::InlineFragment(Positioned::new(fragment, pos));
            }
            Ok(())
        }
        Selection::Field(field) => normalise_set(&mut field.node.selection_set.node),
        Selection::InlineFragment(fragment) => normalise_set(&mut fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => Ok(()),
    })
}

/// Calls `visit` for each field of the operations and fragments, with the type that has it, if that is known.
pub fn each_field<'d, F>(types: &'d Types, document: &'d ExecutableDocument, visit: &mut F)
where
    F: FnMut(&'d Field, Option<&'d str>),
{
    for (_, operation) in document.operations.iter() {
        each_field_of(types, &operation.node.selection_set.node, Some(root_type(operation.node.ty)), visit);
    }
    for fragment in document.fragments.values() {
        let on = fragment.node.type_condition.node.on.node.as_str();
        each_field_of(types, &fragment.node.selection_set.node, Some(on), visit);
    }
}

fn each_field_of<'d, F>(types: &'d Types, set: &'d SelectionSet, on: Option<&'d str>, visit: &mut F)
where
    F: FnMut(&'d Field, Option<&'d str>),
{
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                visit(&field.node, on);
                each_field_of(types, &field.node.selection_set.node, field_type(types, &field.node, on), visit);
            }
            Selection::InlineFragment(fragment) => {
                let on = condition(fragment.node.type_condition.as_ref()).or(on);
                each_field_of(types, &fragment.node.selection_set.node, on, visit);
            }
            // Every fragment is visited separately.
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// The names of the root types.
pub const fn root_type(operation: OperationType) -> &'static str {
    match operation {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

fn field_type<'d>(types: &'d Types, field: &Field, on: Option<&str>) -> Option<&'d str> {
    types.field_type(on?, &field.name.node)
}

fn condition(condition: Option<&Positioned<TypeCondition>>) -> Option<&str> {
    condition.map(|condition| condition.node.on.node.as_str())
}

/// Adds a field to each selection of which directives or type conditions leave nothing: the library answers such an
/// object as null.
pub fn keep_objects(types: &Types, document: &mut ExecutableDocument, variables: &Variables) {
    let emptied = Inclusion { types, document, variables }.emptied();
    if emptied.is_empty() {
        return;
    }
    for set in sets_mut(document) {
        add_field(set, &emptied);
    }
}

fn add_field(set: &mut Positioned<SelectionSet>, emptied: &HashSet<Pos>) {
    for selection in &mut set.node.items {
        match &mut selection.node {
            Selection::Field(field) => add_field(&mut field.node.selection_set, emptied),
            Selection::InlineFragment(fragment) => add_field(&mut fragment.node.selection_set, emptied),
            Selection::FragmentSpread(_) => {}
        }
    }
    if emptied.contains(&set.pos) {
        let field = Field {
            alias: Some(Positioned::new(Name::new(ADDED), set.pos)),
            name: Positioned::new(Name::new(TYPENAME), set.pos),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::default(),
        };
        let pos = set.pos;
        set.node.items.push(Positioned::new(Selection::Field(Positioned::new(field, pos)), pos));
    }
}

/// Which selections are included.
struct Inclusion<'d> {
    types: &'d Types,
    document: &'d ExecutableDocument,
    variables: &'d Variables,
}

impl Inclusion<'_> {
    /// The positions of the selections of which possibly nothing is left.
    fn emptied(&self) -> HashSet<Pos> {
        let mut emptied = HashSet::new();
        let mut check = |set: &Positioned<SelectionSet>, on: Option<&str>| {
            if !set.node.items.is_empty() && !self.selects(&set.node, on) {
                emptied.insert(set.pos);
            }
        };
        for (_, operation) in self.document.operations.iter() {
            // A subscription has no `__typename`.
            if operation.node.ty != OperationType::Subscription {
                check(&operation.node.selection_set, Some(root_type(operation.node.ty)));
            }
        }
        each_field(self.types, self.document, &mut |field: &Field, on: Option<&str>| {
            check(&field.selection_set, field_type(self.types, field, on));
        });
        emptied
    }

    /// Whether some field is included whatever the type of the object, of which `on` is what the schema says.
    fn selects(&self, set: &SelectionSet, on: Option<&str>) -> bool {
        set.items.iter().any(|selection| {
            self.is_included(selection.node.directives())
                && match &selection.node {
                    Selection::Field(_) => true,
                    Selection::InlineFragment(fragment) => {
                        let InlineFragment { type_condition, selection_set, .. } = &fragment.node;
                        self.fragment_selects(condition(type_condition.as_ref()), &selection_set.node, on)
                    }
                    Selection::FragmentSpread(spread) => {
                        // Validation reports unknown fragments.
                        let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                        fragment.is_none_or(|fragment| {
                            let on_type = condition(Some(&fragment.node.type_condition));
                            self.fragment_selects(on_type, &fragment.node.selection_set.node, on)
                        })
                    }
                }
        })
    }

    fn fragment_selects(&self, condition: Option<&str>, set: &SelectionSet, on: Option<&str>) -> bool {
        let applies = match (condition, on) {
            (Some(condition), Some(on)) => self.types.is_always(on, condition),
            _ => true,
        };
        applies && self.selects(set, condition.or(on))
    }

    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let given = directive.node.get_argument("if").is_some_and(|condition| self.is_true(&condition.node));
            match directive.node.name.node.as_str() {
                "skip" => !given,
                "include" => given,
                _ => true,
            }
        })
    }

    fn is_true(&self, value: &Value) -> bool {
        match value {
            Value::Boolean(value) => *value,
            Value::Variable(name) => self.variables.get(name) == Some(&ConstValue::Boolean(true)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::super::types::TYPES;
    use super::*;

    /// How many selections get a field, if `$yes` is true and `$no` is false.
    fn added(text: &str) -> usize {
        let mut document = parse_query(text).unwrap();
        normalise(&mut document).unwrap();
        let mut variables = Variables::default();
        variables.insert(Name::new("yes"), true.into());
        variables.insert(Name::new("no"), false.into());
        keep_objects(&TYPES, &mut document, &variables);
        let mut count = 0;
        each_field(&TYPES, &document, &mut |field: &Field, _: Option<&str>| {
            count += usize::from(field.alias.as_ref().is_some_and(|alias| alias.node == ADDED));
        });
        count
    }

    #[test]
    fn a_selection_of_which_nothing_is_left_keeps_its_object() {
        for (text, expected) in [
            ("{ viewer { name } }", 0),
            ("{ viewer { name @include(if: true) } }", 0),
            ("{ viewer { name @include(if: false) } }", 1),
            ("{ viewer { name @skip(if: true) } }", 1),
            ("{ viewer { name @include(if: true) @skip(if: true) } }", 1),
            ("{ viewer { name @include(if: $no) id } }", 0),
            ("{ viewer { name @include(if: $no) id @skip(if: $yes) } }", 1),
            ("{ viewer { name @include(if: $unknown) } }", 1),
            ("{ viewer { __typename @include(if: $no) } }", 1),
            ("{ viewer { __typename @include(if: $yes) } }", 0),
            ("{ viewer @include(if: false) { name } }", 1),
            ("{ viewer @include(if: false) { name @include(if: false) } }", 2),
            ("mutation { signOut(input: {}) @include(if: false) { userErrors { code } } }", 1),
            ("subscription { boardEvents @include(if: false) { kind } }", 0),
            ("subscription { boardEvents { kind @include(if: false) } }", 1),
            ("{ viewer { ... @include(if: false) { name } } }", 1),
            ("{ viewer { ... on User { name @include(if: false) } } }", 1),
            ("{ viewer { ...f } } fragment f on User { name }", 0),
            ("{ viewer { ...f @skip(if: true) } } fragment f on User { name }", 1),
            ("{ viewer { ...f } } fragment f on User { name @skip(if: true) }", 1),
            ("{ viewer { ...f } } fragment f on User { team { key @skip(if: true) } }", 1),
            ("{ viewer { ...f } } fragment f on Node { id }", 0),
            // What applies depends on the object.
            ("{ node(id: 1) { id } }", 0),
            ("{ node(id: 1) { ... on User { name } } }", 1),
            ("{ node(id: 1) { ... on User { name } id } }", 0),
            ("{ node(id: 1) { ... on Node { id } } }", 0),
            ("{ __schema { types { name @include(if: false) } } }", 1),
            ("{ nosuch { a { b } } }", 0),
        ] {
            assert_eq!(added(text), expected, "{text}");
        }
    }

    #[test]
    fn what_the_library_does_not_look_at_is_refused() {
        for (text, is_valid) in [
            ("{ __typename }", true),
            ("{ a: __typename @include(if: true) @nosuch }", true),
            ("{ __typename(x: 1) }", false),
            ("{ viewer { __typename { name } } }", false),
            ("{ ...f } fragment f on Query { __typename(x: 1) }", false),
            ("query Q($a: Int) { viewer { id } }", true),
            ("query Q($a: Int @nosuch) { viewer { id } }", false),
            ("query P { viewer { id } } query Q($a: Int @skip(if: true)) { viewer { id } }", false),
        ] {
            let mut document = parse_query(text).unwrap();
            assert_eq!(normalise(&mut document).is_ok(), is_valid, "{text}");
            // Every directive is where validation finds it.
            each_field(&TYPES, &document, &mut |field: &Field, _: Option<&str>| {
                assert!(!is_valid || field.name.node != TYPENAME || field.directives.is_empty(), "{text}");
            });
        }
    }
}
