//! The price of an operation in cost units, each about 10 µs of work: its fields, times the page sizes of the lists around
//! them, and more for what is known to be expensive. It is an estimate before the operation runs, for [`super::budget`].

use std::collections::HashMap;
use std::convert::Infallible;

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Value};
use domain::kernel::page::{PAGE_DEFAULT, PAGE_MAX};
use serde_json::{Map, Value as Json};

/// What a field costs besides 1: a base, and one unit for so many bytes of text in its arguments.
const EXPENSIVE_FIELDS: [(&str, u64, u64); 9] = [
    ("escapeKpi", 500, TEXT_BYTES_A_UNIT),
    ("healthReport", 2_000, TEXT_BYTES_A_UNIT),
    ("healthReportFile", 10_000, TEXT_BYTES_A_UNIT),
    ("responseHeatmapExport", 10_000, TEXT_BYTES_A_UNIT),
    ("serviceMetrics", 200, TEXT_BYTES_A_UNIT),
    ("signIn", 2_000, TEXT_BYTES_A_UNIT),
    ("similarCases", 200, 2),
    ("simulateEscalationPolicy", 1_000, TEXT_BYTES_A_UNIT),
    ("solutionOfTheWeek", 500, TEXT_BYTES_A_UNIT),
];
const TEXT_BYTES_A_UNIT: u64 = 100;

/// The number and the bytes of text in a value.
#[derive(Clone, Copy, Debug, Default)]
struct Measure {
    number: Option<i64>,
    bytes: u64,
}

impl Measure {
    fn of(value: &Value) -> Self {
        match value {
            Value::Number(number) => Self { number: number.as_i64(), bytes: 0 },
            Value::String(text) => Self { number: None, bytes: text.len() as u64 },
            Value::List(values) => Self { number: None, bytes: values.iter().map(|value| Self::of(value).bytes).sum() },
            Value::Object(fields) => {
                Self { number: None, bytes: fields.values().map(|value| Self::of(value).bytes).sum() }
            }
            _ => Self::default(),
        }
    }

    fn of_json(value: &Json) -> Self {
        match value {
            Json::Number(number) => Self { number: number.as_i64(), bytes: 0 },
            Json::String(text) => Self { number: None, bytes: text.len() as u64 },
            Json::Array(values) => {
                Self { number: None, bytes: values.iter().map(|value| Self::of_json(value).bytes).sum() }
            }
            Json::Object(fields) => {
                Self { number: None, bytes: fields.values().map(|value| Self::of_json(value).bytes).sum() }
            }
            Json::Null | Json::Bool(_) => Self::default(),
        }
    }
}

struct Prices<'d> {
    document: &'d ExecutableDocument,
    /// Each variable is measured once, however often it is used.
    variables: HashMap<Name, Measure>,
}

/// The price of an operation. The document must have passed [`super::cost::check`]: it has no cycles, and few enough fields.
pub fn price(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: Option<&Map<String, Json>>,
) -> u64 {
    let measured = operation.variable_definitions.iter().map(|definition| {
        let name = &definition.node.name.node;
        let given = variables.and_then(|variables| variables.get(name.as_str())).map(Measure::of_json);
        let default = || definition.node.default_value.as_ref().map(|value| Measure::of(&value.node));
        (name.clone(), given.or_else(default).unwrap_or_default())
    });
    Prices { document, variables: measured.collect() }.of_selections(&operation.selection_set.node)
}

impl Prices<'_> {
    fn of_selections(&self, set: &SelectionSet) -> u64 {
        let prices = set.items.iter().map(|selection| match &selection.node {
            Selection::Field(field) => self.of_field(&field.node),
            Selection::InlineFragment(fragment) => self.of_selections(&fragment.node.selection_set.node),
            Selection::FragmentSpread(spread) => {
                let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                fragment.map_or(0, |fragment| self.of_selections(&fragment.node.selection_set.node))
            }
        });
        prices.fold(0, u64::saturating_add)
    }

    fn of_field(&self, field: &Field) -> u64 {
        let name = field.name.node.as_str();
        let expensive = EXPENSIVE_FIELDS.iter().find(|(expensive, ..)| *expensive == name);
        let (base, bytes_a_unit) = expensive.map_or((0, TEXT_BYTES_A_UNIT), |(_, base, bytes)| (*base, *bytes));
        let (mut rows, mut bytes) = (None, 0_u64);
        for (argument, value) in &field.arguments {
            let constant = value.node.clone().into_const_with(|name| {
                let measure = self.variables.get(&name).copied().unwrap_or_default();
                bytes = bytes.saturating_add(measure.bytes);
                Ok::<_, Infallible>(measure.number.map_or(Value::Null, |number| Value::Number(number.into())))
            });
            let Ok(constant) = constant;
            let literal = Measure::of(&constant);
            bytes = bytes.saturating_add(literal.bytes);
            if matches!(argument.node.as_str(), "first" | "last") {
                rows = rows.or(literal.number);
            }
        }
        let children = &field.selection_set.node;
        let rows = rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or_else(|| default_rows(children));
        let of_children = self.of_selections(children).saturating_mul(rows.clamp(1, PAGE_MAX));
        of_children.saturating_add(1 + base + bytes / bytes_a_unit)
    }
}

/// The rows of a connection without `first` and `last`; other fields count once.
fn default_rows(children: &SelectionSet) -> u64 {
    let is_connection = children.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => matches!(field.node.name.node.as_str(), "nodes" | "edges"),
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => false,
    });
    if is_connection { PAGE_DEFAULT } else { 1 }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn of(text: &str, variables: Json) -> u64 {
        let document = parse_query(text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        price(&document, &operation.node, variables.as_object())
    }

    #[test]
    fn lists_multiply_and_texts_add() {
        let none = || Json::Object(Map::new());
        let long = "x".repeat(20_000);
        for (text, variables, expected) in [
            ("{ viewer { id name } }", none(), 3),
            ("{ tickets(first: 50) { nodes { id title } } }", none(), 1 + 50 * 3),
            ("{ tickets { nodes { id title } } }", none(), 1 + 20 * 3),
            ("{ tickets { edges { node { id } } } }", none(), 1 + 20 * 3),
            (
                "{ tickets(first: 2) { nodes { comments(last: 3) { nodes { body } } } } }",
                none(),
                1 + 2 * (1 + 1 + 3 * 2),
            ),
            ("query Q($n: Int) { tickets(first: $n) { nodes { id } } }", serde_json::json!({ "n": 100 }), 1 + 100 * 2),
            ("query Q($n: Int = 10) { tickets(first: $n) { nodes { id } } }", none(), 1 + 10 * 2),
            ("{ tickets(first: 1000000) { nodes { id } } }", none(), 1 + 100 * 2),
            ("{ tickets(first: -1) { nodes { id } } }", none(), 1 + 20 * 2),
            ("{ ...a ...a } fragment a on Query { viewer { id } }", none(), 4),
            (
                "query Q($t: String!) { a: similarCases(input: { title: $t }) { score } b: similarCases(input: { title: $t }) { score } }",
                serde_json::json!({ "t": long }),
                2 * (1 + 200 + 10_000 + 1),
            ),
            (
                "mutation M($i: AddCommentInput!) { addComment(input: $i) { comment { id } } }",
                serde_json::json!({ "i": { "body": long, "ticketId": "x" } }),
                3 + 200,
            ),
            ("{ healthReportFile(month: \"2026-01\", format: XLSX) { name } }", none(), 1 + 10_000 + 1),
        ] {
            assert_eq!(of(text, variables), expected, "{text}");
        }
    }
}
