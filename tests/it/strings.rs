//! Every string of the API has a limit and is without U+0000, whatever field it is given to: what is refused is named,
//! and nothing is answered INTERNAL.

use std::collections::HashMap;

use tests::{Client, Desk, Json, json};

const SCHEMA: &str = "{ __schema { queryType { fields { ...field } } mutationType { fields { ...field } }
    types { name kind enumValues { name } inputFields { ...input } } } }
    fragment field on __Field { name type { ...type } args { ...input } }
    fragment input on __InputValue { name type { ...type } }
    fragment type on __Type { name kind ofType { name kind ofType { name kind ofType { name kind } } } }";
/// Levels of input objects: filters contain filters.
const DEPTH_MAX: usize = 3;
/// They ignore their only string, an idempotency key.
const WITHOUT_STRINGS: [&str; 2] = ["createTodoToken", "signOut"];

/// The schema as a client reads it.
struct Schema {
    roots: Json,
    types: HashMap<String, Json>,
}

impl Schema {
    async fn of(client: &Client) -> Self {
        let mut schema = client.query(SCHEMA, json!({})).await["__schema"].take();
        let Json::Array(types) = schema["types"].take() else { panic!("a list") };
        let types = types.into_iter().map(|one| (one["name"].as_str().unwrap().to_owned(), one)).collect();
        Self { roots: schema, types }
    }

    fn fields(&self, root: &str) -> &[Json] {
        self.roots[root]["fields"].as_array().unwrap()
    }

    /// The paths of all strings in a value.
    fn strings(&self, of: &Json, path: &[&str]) -> Vec<Vec<String>> {
        let name = named(of);
        if name == "String" {
            return vec![path.iter().map(|part| (*part).to_owned()).collect()];
        }
        let fields = self.types[name]["inputFields"].as_array().filter(|_| path.len() <= DEPTH_MAX);
        let below = |field: &Json| self.strings(&field["type"], &[path, &[field["name"].as_str().unwrap()]].concat());
        fields.into_iter().flatten().flat_map(below).collect()
    }

    /// A value with only what is required, and with a string at a path.
    fn value(&self, of: &Json, string: Option<(&[String], &str)>) -> Json {
        let inner = &of["ofType"];
        match of["kind"].as_str().unwrap() {
            "NON_NULL" => self.value(inner, string),
            "LIST" => Json::Array(string.map(|_| self.value(inner, string)).into_iter().collect()),
            "ENUM" => self.types[named(of)]["enumValues"][0]["name"].clone(),
            "INPUT_OBJECT" => {
                let fields = self.types[named(of)]["inputFields"].as_array().unwrap().iter();
                let given = fields.filter_map(|field| {
                    let name = field["name"].as_str().unwrap();
                    let below = string.and_then(|(path, text)| (path[0] == name).then_some((&path[1..], text)));
                    let is_wanted = below.is_some() || field["type"]["kind"] == "NON_NULL";
                    is_wanted.then(|| (name.to_owned(), self.value(&field["type"], below)))
                });
                Json::Object(given.collect())
            }
            _ => match named(of) {
                "String" => json!(string.map_or("x", |(_, text)| text)),
                "ID" => json!("0192f0c1-2b7a-7000-8000-000000000000"),
                "DateTime" => json!("2026-03-02T08:00:00Z"),
                "Boolean" => json!(false),
                _ => json!(1),
            },
        }
    }
}

/// The name of a type, without lists and exclamation marks.
fn named(of: &Json) -> &str {
    of["name"].as_str().unwrap_or_else(|| named(&of["ofType"]))
}

/// A type as a variable is declared with it.
fn declaration(of: &Json) -> String {
    match of["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", declaration(&of["ofType"])),
        "LIST" => format!("[{}]", declaration(&of["ofType"])),
        _ => named(of).to_owned(),
    }
}

fn unacceptable() -> [String; 2] {
    ["a\u{0}b".to_owned(), "长".repeat(60_000)]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_string_of_a_mutation_is_checked() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let schema = Schema::of(&admin).await;
    let mut checked = 0;
    for mutation in schema.fields("mutationType") {
        let (name, input) = (mutation["name"].as_str().unwrap(), &mutation["args"][0]["type"]);
        if WITHOUT_STRINGS.contains(&name) {
            continue;
        }
        for path in schema.strings(input, &[]) {
            for text in unacceptable() {
                let input = schema.value(input, Some((&path, &text)));
                let body = admin.try_mutate(name, "__typename", input).await.unwrap().body;
                let code = &body["errors"][0]["extensions"]["code"];
                let is_refused = body["data"][name]["userErrors"].as_array().is_some_and(|errors| !errors.is_empty());
                assert!(code != "INTERNAL" && (is_refused || !code.is_null()), "{name} {path:?}: {body:#}");
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "{checked} strings");
    let rotate = json!({ "key": "a\u{0}b", "parts": [] });
    assert_eq!(admin.refusal("rotateCredential", rotate).await, ("INVALID".into(), "key".into()));
    let deep = json!({ "ticketId": desk.id("admin").to_string(), "attribution": {
        "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "solutionTags": ["x", "\u{0}"], "resolution": "x",
    } });
    let field = "attribution.solutionTags.1".to_owned();
    assert_eq!(admin.refusal("resolveTicket", deep).await, ("INVALID".into(), field));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_string_of_a_query_is_checked() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let schema = Schema::of(&admin).await;
    let mut checked = 0;
    for field in schema.fields("queryType") {
        let arguments = field["args"].as_array().unwrap();
        for argument in arguments {
            for path in schema.strings(&argument["type"], &[]) {
                for text in unacceptable() {
                    let given: Vec<&Json> = arguments
                        .iter()
                        .filter(|other| *other == argument || other["type"]["kind"] == "NON_NULL")
                        .collect();
                    let name = |argument: &Json| argument["name"].as_str().unwrap().to_owned();
                    let value = |other: &Json| {
                        let string = (other == argument).then_some((path.as_slice(), text.as_str()));
                        (name(other), schema.value(&other["type"], string))
                    };
                    let variables = Json::Object(given.iter().map(|other| value(other)).collect());
                    let declare = |other: &&Json| format!("${}: {}", name(other), declaration(&other["type"]));
                    let declared: Vec<String> = given.iter().map(declare).collect();
                    let passed: Vec<String> = given.iter().map(|other| format!("{0}: ${0}", name(other))).collect();
                    let text = format!(
                        "query Q({}) {{ {}({}) {{ __typename }} }}",
                        declared.join(", "),
                        field["name"].as_str().unwrap(),
                        passed.join(", ")
                    );
                    let response = admin.execute(&text, variables).await;
                    assert_eq!(response.code(), "BAD_USER_INPUT", "{text} {path:?}");
                    let message = response.body["errors"][0]["message"].as_str().unwrap();
                    assert!(message.contains(path.last().unwrap_or(&name(argument))), "{text}: {message}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 50, "{checked} strings");
    for (query, named) in [
        (r#"{ knowledgeCards(filter: { product: ["x", "\u0000"] }) { nodes { id } } }"#, "filter.product.1"),
        (r#"{ users(text: "a\u{0}") { nodes { id } } }"#, "text"),
    ] {
        let response = admin.execute(query, json!({})).await;
        assert_eq!(response.code(), "BAD_USER_INPUT", "{query}");
        assert!(response.body["errors"][0]["message"].as_str().unwrap().contains(named), "{query}");
    }
    // Texts that are searched for have smaller limits of their own.
    for (query, chars) in [
        ("query Q($t: String) { users(text: $t) { nodes { id } } }", 201),
        ("query Q($t: String) { customers(text: $t) { nodes { id } } }", 201),
        ("query Q($t: String) { tickets(filter: { or: [{ text: $t }] }) { nodes { id } } }", 1_001),
    ] {
        let response = admin.execute(query, json!({ "t": "长".repeat(chars) })).await;
        assert_eq!(response.code(), "BAD_USER_INPUT", "{query}");
        admin.query(query, json!({ "t": "长".repeat(chars - 1) })).await;
    }
    desk.close().await;
}
