//! A GraphQL client over HTTP.

use serde_json::{Value as Json, json};

/// A signed-in user, or an anonymous client.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub address: String,
    pub token: Option<String>,
    pub language: &'static str,
}

/// A GraphQL response.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub body: Json,
}

impl Response {
    /// The data; fails if there is an error.
    #[track_caller]
    pub fn data(&self) -> &Json {
        assert!(self.body.get("errors").is_none(), "{:#}", self.body);
        &self.body["data"]
    }

    /// The code of the one top-level error.
    #[track_caller]
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no error: {:#}", self.body))
    }
}

impl Client {
    pub async fn execute(&self, query: &str, variables: Json) -> Response {
        self.try_execute(query, variables).await.unwrap()
    }

    /// Like `execute`, for a server that may be killed meanwhile.
    pub async fn try_execute(&self, query: &str, variables: Json) -> Result<Response, reqwest::Error> {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.address))
            .header("accept", "application/graphql-response+json")
            .header("accept-language", self.language)
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok(Response { status, body: response.json().await? })
    }

    /// The data of a query that must succeed.
    #[track_caller]
    pub fn query(&self, query: &str, variables: Json) -> impl Future<Output = Json> + use<> {
        let caller = std::panic::Location::caller();
        let (client, query) = (self.clone(), query.to_owned());
        async move {
            let response = client.execute(&query, variables).await;
            assert!(response.body.get("errors").is_none(), "at {caller}: {:#}", response.body);
            response.body["data"].clone()
        }
    }

    /// The payload of a mutation `name(input: NameInput!)`; `fields` are selected besides `userErrors`.
    pub async fn mutate(&self, name: &str, fields: &str, input: Json) -> Json {
        let response = self.try_mutate(name, fields, input).await.unwrap();
        assert!(response.body.get("errors").is_none(), "{name}: {:#}", response.body);
        response.body["data"][name].clone()
    }

    /// The whole response to a mutation, for a server that may be killed meanwhile.
    pub async fn try_mutate(&self, name: &str, fields: &str, input: Json) -> Result<Response, reqwest::Error> {
        let mut type_name = name.to_owned();
        type_name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation M($input: {type_name}Input!) {{ {name}(input: $input) {{ {fields} userErrors {{ code field message }} }} }}"
        );
        self.try_execute(&query, json!({ "input": input })).await
    }

    /// The payload of a mutation that must have no user errors.
    pub async fn mutate_ok(&self, name: &str, fields: &str, input: Json) -> Json {
        let payload = self.mutate(name, fields, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}");
        payload
    }

    /// The code and the field of the first user error of a mutation.
    pub async fn refusal(&self, name: &str, input: Json) -> (String, String) {
        let payload = self.mutate(name, "__typename", input).await;
        let error = &payload["userErrors"][0];
        let field: Vec<&str> = error["field"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let code = error["code"].as_str().unwrap_or_else(|| panic!("{name} was not refused: {payload:#}"));
        (code.to_owned(), field.join("."))
    }

    /// The number of visible tickets, counted page by page.
    pub async fn count_tickets(&self) -> usize {
        let query = "query Q($after: String) { tickets(first: 100, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }";
        let (mut count, mut after) = (0, Json::Null);
        loop {
            let page = self.query(query, json!({ "after": after })).await;
            count += page["tickets"]["nodes"].as_array().unwrap().len();
            if page["tickets"]["pageInfo"]["hasNextPage"] == false {
                return count;
            }
            after = page["tickets"]["pageInfo"]["endCursor"].clone();
        }
    }
}
