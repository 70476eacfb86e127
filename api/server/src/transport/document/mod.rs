//! What the specification demands of a document and async-graphql leaves undone: <https://spec.graphql.org/September2025/>.
//!
//! - Strings have all escapes ([`strings`]).
//! - Variables have values of their types before anything is executed ([`variables`]). One without a value is no
//!   argument, and operations that are not chosen are judged without them ([`operations`]).
//! - `__typename` and variables carry no unknown directives, and an object of which directives leave nothing is `{}`
//!   ([`selections`]).
//!
//! Strings that no field could accept are refused here too, wherever they are.

mod operations;
mod selections;
mod strings;
mod types;
mod variables;

use std::collections::HashSet;
use std::convert::Infallible;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Name, Request, Response, ServerError, Value as ConstValue, Variables};
use async_graphql_value::Value;
use domain::kernel::{Refusal, TopCode};
use graphql::check_strings;
use serde_json::{Map, Value as Json};

use self::operations::OtherOperations;
use self::selections::each_field;
use self::types::TYPES;
use super::{GraphqlService, RequestContext, finish, operation_of, request_error};

/// Reads the types of the schema, which the first request would do otherwise.
pub fn load_types() {
    std::sync::LazyLock::force(&TYPES);
}

/// Parses a text whose length and nesting have been limited.
pub fn parse(text: &str) -> Result<ExecutableDocument, String> {
    let text = strings::rewrite(text)?;
    let mut document = parse_query(&*text).map_err(|e| ServerError::from(e).message)?;
    selections::normalise(&mut document)?;
    Ok(document)
}

/// A document that async-graphql executes as the specification demands.
pub struct ExecutableRequest {
    pub document: ExecutableDocument,
    pub variables: Variables,
}

/// Prepares the chosen operation of a document, whose cost has been limited.
pub async fn complete(
    service: &GraphqlService,
    context: &RequestContext,
    mut document: ExecutableDocument,
    chosen: Option<&str>,
    variables: Map<String, Json>,
) -> Result<ExecutableRequest, Box<Response>> {
    let reject = |message: String| Box::new(request_error(TopCode::BadUserInput, message));
    let operation = operation_of(&document, chosen).map_err(reject)?;
    let variables = variables::coerce(&TYPES, operation, variables).map_err(reject)?;
    for other in OtherOperations::take(&mut document, chosen).into_documents() {
        validate(service, context, other, Variables::default()).await?;
    }
    if operations::has_absent_values(&TYPES, &document, &variables) {
        let (original, values) = (operations::unnamed(&document), operations::with_nulls(&document, &variables));
        validate(service, context, original, values).await?;
        operations::remove_absent_values(&mut document, &variables);
    }
    check_texts(&document, &variables).map_err(|refusal| reject(refusal.message.text(context.caller.language)))?;
    selections::keep_objects(&TYPES, &mut document, &variables);
    Ok(ExecutableRequest { document, variables })
}

/// No operation has this name, so none is executed: validation comes before the choice.
const NO_OPERATION: &str = "none of them";
/// The error of the library for a variable without a value, which it reports while it computes complexity. That of a
/// variable that is not declared has the name in quotes.
const WITHOUT_VALUE: (&str, &str) = ("Variable ", " is not defined.");

/// Validates an unnamed operation without executing it.
async fn validate(
    service: &GraphqlService,
    context: &RequestContext,
    document: ExecutableDocument,
    variables: Variables,
) -> Result<(), Box<Response>> {
    let mut request = Request::new("").operation_name(NO_OPERATION).variables(variables);
    request.set_parsed_query(document);
    let mut response = Box::pin(service.schema.execute(request)).await;
    let not_chosen = format!("Unknown operation named {NO_OPERATION:?}");
    let (before, after) = WITHOUT_VALUE;
    response.errors.retain(|error| {
        let message = error.message.as_str();
        message != not_chosen && !(message.starts_with(before) && message.ends_with(after))
    });
    if response.errors.is_empty() { Ok(()) } else { Err(Box::new(finish(service, context, response))) }
}

/// Checks the strings of an operation, but not those of a mutation's input: a mutation refuses them itself.
fn check_texts(document: &ExecutableDocument, variables: &Variables) -> Result<(), Refusal> {
    let mutation = selections::root_type(OperationType::Mutation);
    let mut of_mutations: HashSet<&Name> = HashSet::new();
    let mut result = Ok(());
    each_field(&TYPES, document, &mut |field, on| {
        for (name, value) in &field.arguments {
            if on == Some(mutation) {
                used_variables(&value.node, &mut of_mutations);
            } else if result.is_ok() {
                result = check_literal(&name.node, &value.node);
            }
        }
    });
    result?;
    let mut others = variables.iter().filter(|(name, _)| !of_mutations.contains(name));
    others.try_for_each(|(name, value)| check_strings(name, value))
}

fn check_literal(name: &str, value: &Value) -> Result<(), Refusal> {
    if matches!(value, Value::Variable(_)) {
        return Ok(());
    }
    match value.clone().into_const_with(|_| Ok::<_, Infallible>(ConstValue::Null)) {
        Ok(value) => check_strings(name, &value),
    }
}

fn used_variables<'v>(value: &'v Value, used: &mut HashSet<&'v Name>) {
    match value {
        Value::Variable(name) => {
            used.insert(name);
        }
        Value::List(items) => items.iter().for_each(|item| used_variables(item, used)),
        Value::Object(fields) => fields.values().for_each(|field| used_variables(field, used)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::Code;

    use super::*;

    /// The code and the field of a refused string.
    fn refused(text: &str, variable: &str) -> Option<(Code, String)> {
        let document = parse(text).unwrap();
        let mut variables = Variables::default();
        variables.insert(Name::new("v"), variable.into());
        let refusal = check_texts(&document, &variables).err()?;
        Some((refusal.code, refusal.field.join(".")))
    }

    #[test]
    fn a_string_that_no_field_accepts_is_refused_wherever_it_is() {
        let long = "x".repeat(domain::kernel::text::INPUT_CHARS_MAX + 1);
        for (text, variable, expected) in [
            ("query Q($v: String) { users(text: $v) { id } }", "x", None),
            ("query Q($v: String) { users(text: $v) { id } }", "a\0", Some((Code::Invalid, "v"))),
            ("query Q($v: String) { users(text: $v) { id } }", &long, Some((Code::TooLong, "v"))),
            (r#"{ users(text: "\u0000") { id } }"#, "", Some((Code::Invalid, "text"))),
            (r#"{ users(text: "\u{0}") { id } }"#, "", Some((Code::Invalid, "text"))),
            (
                r#"{ cards(filter: { product: ["x", "\u0000"] }) { id } }"#,
                "",
                Some((Code::Invalid, "filter.product.1")),
            ),
            (r#"{ viewer { ...f } } fragment f on User { x(y: "\u0000") }"#, "", Some((Code::Invalid, "y"))),
            // A mutation refuses its own input, not that of the fields below it.
            ("mutation M($v: String) { a(input: { key: $v }) { id } }", "a\0", None),
            (r#"mutation { a(input: { key: "\u0000" }) { id } }"#, "", None),
            (r#"mutation { ...f } fragment f on Mutation { a(input: { key: "\u0000" }) { id } }"#, "", None),
            (r#"mutation { a(input: {}) { b(after: "\u0000") { id } } }"#, "", Some((Code::Invalid, "after"))),
            ("mutation M($v: String) { a { b(after: $v) { id } } }", "\0", Some((Code::Invalid, "v"))),
        ] {
            let expected = expected.map(|(code, field)| (code, field.to_owned()));
            assert_eq!(refused(text, variable), expected, "{text}");
        }
    }
}
