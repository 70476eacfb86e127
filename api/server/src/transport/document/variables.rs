//! The values of an operation's variables: <https://spec.graphql.org/September2025/#CoerceVariableValues()>.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{BaseType, OperationDefinition, Type, VariableDefinition};
use async_graphql::{Value as ConstValue, Variables};
use domain::kernel::Timestamp;
use serde_json::{Map, Value as Json};

use super::types::{InputField, InputKind, Types};

/// The variables that an operation declares and that have a value, given or by default.
pub fn coerce(
    types: &Types,
    operation: &OperationDefinition,
    mut given: Map<String, Json>,
) -> Result<Variables, String> {
    let mut coerced = Variables::default();
    for definition in &operation.variable_definitions {
        let VariableDefinition { name, var_type, directives: _, default_value } = &definition.node;
        let (name, ty) = (&name.node, &var_type.node);
        let value = match (given.remove(name.as_str()), default_value) {
            (Some(json), _) => {
                Check { types, path: format!("${name}") }.value(&json, ty)?;
                ConstValue::from_json(json).map_err(|e| format!("${name} cannot be read: {e}."))?
            }
            (None, Some(default)) => default.node.clone(),
            (None, None) if ty.nullable => continue,
            (None, None) => return Err(format!("${name} is missing: give it a value of type {ty}.")),
        };
        coerced.insert(name.clone(), value);
    }
    Ok(coerced)
}

/// Compares a value with its type.
struct Check<'t> {
    types: &'t Types,
    /// Where the value is, such as `$input.reports[2].uuid`.
    path: String,
}

impl Check<'_> {
    fn value(&mut self, value: &Json, ty: &Type) -> Result<(), String> {
        if value.is_null() {
            return if ty.nullable { Ok(()) } else { Err(format!("{} is null: its type is {ty}.", self.path)) };
        }
        match (&ty.base, value) {
            (BaseType::List(item), Json::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.below(&format!("[{index}]"), |check| check.value(value, item))?;
                }
                Ok(())
            }
            // One value stands for a list of one.
            (BaseType::List(item), value) => self.value(value, item),
            (BaseType::Named(name), value) => self.named(value, name),
        }
    }

    fn named(&mut self, value: &Json, name: &Name) -> Result<(), String> {
        match self.types.input(name) {
            None => match scalar(value, name) {
                Ok(()) => Ok(()),
                Err(expected) => Err(format!("{} must be {expected}.", self.path)),
            },
            Some(InputKind::Enum(values)) => match value.as_str() {
                Some(text) if values.contains(text) => Ok(()),
                _ => Err(format!("{} is not a value of {name}.", self.path)),
            },
            Some(InputKind::Object(fields)) => match value {
                Json::Object(given) => self.object(given, fields, name),
                _ => Err(format!("{} must be an object of type {name}.", self.path)),
            },
        }
    }

    fn object(
        &mut self,
        given: &Map<String, Json>,
        fields: &HashMap<Name, InputField>,
        name: &Name,
    ) -> Result<(), String> {
        for (key, value) in given {
            let Some(field) = fields.get(key.as_str()) else {
                return Err(format!("{} has a field {key:?}, which {name} does not have.", self.path));
            };
            if (name.as_str(), key.as_str()) == MALFORMED_ALLOWED && !value.is_null() {
                continue;
            }
            self.below(&format!(".{key}"), |check| check.value(value, &field.ty))?;
        }
        let is_missing = |(key, field): &(&Name, &InputField)| {
            !field.ty.nullable && !field.has_default && !given.contains_key(key.as_str())
        };
        match fields.iter().find(is_missing) {
            Some((key, field)) => Err(format!("{}.{key} is missing: give it a value of type {}.", self.path, field.ty)),
            None => Ok(()),
        }
    }

    fn below(&mut self, part: &str, check: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        let length = self.path.len();
        self.path.push_str(part);
        check(self)?;
        self.path.truncate(length);
        Ok(())
    }
}

/// A malformed instant there refuses its report alone, not all reports of the request.
const MALFORMED_ALLOWED: (&str, &str) = ("StatusReportInput", "timestamp");

/// Whether a value is one of a scalar; `Err`: what would be. Validation reports types that do not exist.
fn scalar(value: &Json, name: &str) -> Result<(), &'static str> {
    let (is_valid, expected) = match name {
        "Int" => (value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()), "an integer of 32 bits"),
        "Float" => (value.is_number(), "a number"),
        "String" => (value.is_string(), "a string"),
        "Boolean" => (value.is_boolean(), "true or false"),
        "ID" => (value.is_string() || value.is_i64(), "a string or an integer"),
        "DateTime" => (
            value.as_str().is_some_and(|text| Timestamp::from_rfc3339(text).is_some()),
            "an RFC 3339 instant such as 2026-11-23T08:00:00Z",
        ),
        _ => (true, ""),
    };
    if is_valid { Ok(()) } else { Err(expected) }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::super::types::TYPES;
    use super::*;

    fn coerced(definitions: &str, given: Json) -> Result<String, String> {
        let document = parse_query(format!("query Q({definitions}) {{ a }}")).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let Json::Object(given) = given else { panic!("an object") };
        coerce(&TYPES, &operation.node, given).map(|variables| serde_json::to_string(&variables).unwrap())
    }

    #[test]
    fn a_variable_has_its_value_or_its_default_or_none() {
        for (definitions, given, expected) in [
            ("$n: Int", json!({}), "{}"),
            ("$n: Int", json!({ "n": null }), r#"{"n":null}"#),
            ("$n: Int = 5", json!({}), r#"{"n":5}"#),
            ("$n: Int = 5", json!({ "n": null }), r#"{"n":null}"#),
            ("$n: Int! = 5", json!({}), r#"{"n":5}"#),
            ("$n: Int! = 5", json!({ "n": 6 }), r#"{"n":6}"#),
            ("$w: Boolean = true", json!({}), r#"{"w":true}"#),
            ("$a: Int, $b: Int = 2", json!({ "a": 1, "c": 3, "not a name": 4 }), r#"{"a":1,"b":2}"#),
            ("$me: ID!", json!({ "me": 7 }), r#"{"me":7}"#),
            ("$p: [Priority!]!", json!({ "p": ["HIGH", "LOW"] }), r#"{"p":["HIGH","LOW"]}"#),
            ("$p: [Priority!]", json!({ "p": "HIGH" }), r#"{"p":"HIGH"}"#),
            ("$p: [Priority]", json!({ "p": [null] }), r#"{"p":[null]}"#),
            ("$f: TicketFilter", json!({ "f": { "or": [{ "text": "x" }] } }), r#"{"f":{"or":[{"text":"x"}]}}"#),
            ("$f: Float", json!({ "f": 1 }), r#"{"f":1}"#),
            // An unknown type is reported by validation.
            ("$x: NoSuchType!", json!({ "x": {} }), r#"{"x":{}}"#),
        ] {
            assert_eq!(coerced(definitions, given.clone()).as_deref(), Ok(expected), "{definitions} {given}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_and_named() {
        let filter = |eq: Json| json!({ "f": { "and": [{}, { "priority": { "eq": eq } }] } });
        for (definitions, given, named) in [
            ("$me: ID!", json!({}), "$me is missing"),
            ("$me: ID!", json!({ "me": null }), "$me is null: its type is ID!."),
            ("$me: ID! = \"x\"", json!({ "me": null }), "$me is null"),
            ("$me: ID!", json!({ "me": 1.5 }), "$me must be a string or an integer"),
            ("$n: Int", json!({ "n": "5" }), "$n must be an integer"),
            ("$n: Int", json!({ "n": 2_147_483_648_i64 }), "$n must be an integer"),
            ("$n: Int", json!({ "n": 1.0 }), "$n must be an integer"),
            ("$w: Boolean!", json!({ "w": 1 }), "$w must be true or false"),
            ("$t: String", json!({ "t": 5 }), "$t must be a string"),
            ("$t: String", json!({ "t": ["x"] }), "$t must be a string"),
            ("$x: Float", json!({ "x": "1" }), "$x must be a number"),
            ("$at: DateTime", json!({ "at": "2026-11-23 08:00:00Z" }), "$at must be an RFC 3339 instant"),
            ("$p: [Priority!]!", json!({ "p": ["HIGH", null] }), "$p[1] is null: its type is Priority!."),
            ("$p: [Priority!]!", json!({ "p": null }), "$p is null"),
            ("$p: Priority", json!({ "p": "high" }), "$p is not a value of Priority"),
            ("$f: TicketFilter", filter(json!("NOPE")), "$f.and[1].priority.eq is not a value of Priority"),
            ("$f: TicketFilter", json!({ "f": { "nosuch": 1 } }), "$f has a field \"nosuch\""),
            ("$f: TicketFilter", json!({ "f": "text" }), "$f must be an object of type TicketFilter"),
            ("$o: TicketOrder", json!({ "o": { "field": "NUMBER" } }), "$o.direction is missing"),
            ("$o: TicketOrder", json!({ "o": { "field": "NUMBER", "direction": null } }), "$o.direction is null"),
        ] {
            let refused = coerced(definitions, given.clone()).unwrap_err();
            assert!(refused.contains(named), "{definitions} {given}: {refused}");
        }
    }
}
