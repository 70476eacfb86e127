//! GraphQL over HTTP and over WebSocket, to the letter of both protocols.
//!
//! - <https://graphql.github.io/graphql-over-http/draft/>
//! - <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>
//!
//! What a document costs is bounded before it is validated ([`cost`]); a panic in a resolver is an INTERNAL error of
//! that operation and no more.

pub mod cost;
mod http;
mod origin;
pub(crate) mod pace;
mod scope;
mod ws;

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, web};
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
};
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError, Value};
use domain::auth::model::TokenScope;
use domain::kernel::{Actor, Error, Timestamp, TopCode};
use domain::people;
use domain::people::queries::Admitted;
use domain::runtime::{App, Ctx};
use futures::FutureExt as _;
use serde_json::{Map, Value as Json};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::graphql::sharing::Sharing;
use crate::graphql::{BuoySchema, Caller, furnish, public};
use crate::language::Language;

/// Every limit of the transport, with its unit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one HTTP request.
    pub body_bytes_max: usize,
    /// Where pages of other sites come from that may ask this server from a browser.
    pub origins: Vec<String>,
    /// Where this server's own pages come from, where a proxy stands before it.
    pub own_origin: Option<String>,
    /// Proxies before this server: only of theirs the X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// What one document may cost.
    pub cost: cost::Limits,
    /// An operation that takes longer is given up.
    pub execution_timeout: Duration,
    /// Bytes of one WebSocket message from a client.
    pub ws_frame_bytes_max: usize,
    /// Operations of one connection at a time.
    pub ws_operations_max: usize,
    /// A client has to introduce itself within this.
    pub ws_init_timeout: Duration,
    /// A client that takes longer to read one message is cut off, and resumes by cursor.
    pub ws_send_timeout: Duration,
    /// A connection is looked after in this rhythm; one that answered nothing for two rounds is closed.
    pub ws_ping_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 256 * 1024,
            origins: Vec::new(),
            own_origin: None,
            trusted_proxies: Vec::new(),
            cost: cost::Limits::default(),
            execution_timeout: Duration::from_secs(30),
            ws_frame_bytes_max: 128 * 1024,
            ws_operations_max: 50,
            ws_init_timeout: Duration::from_secs(10),
            ws_send_timeout: Duration::from_secs(10),
            ws_ping_every: Duration::from_secs(20),
        }
    }
}

/// What a request or a socket stands on.
pub struct Gate {
    pub app: Arc<App>,
    pub schema: BuoySchema,
    pub demo: bool,
    pub limits: Limits,
    /// The process stops: sockets are told to come back.
    pub stop: CancellationToken,
}

/// Where a request comes from.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    pub address: Option<String>,
    pub languages: Option<String>,
    pub channel: Option<String>,
}

impl Peer {
    pub fn of(request: &HttpRequest, limits: &Limits) -> Self {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let forwarded = text("x-forwarded-for");
        let address = request.peer_addr().map(|address| origin(address.ip(), forwarded.as_deref(), limits));
        Self { address: address.map(|ip| ip.to_string()), languages: text("accept-language"), channel: text(CHANNEL) }
    }

    /// The key of the channel that a client says it is; `api` for all that do not say.
    fn channel(&self) -> &'static str {
        CHANNELS.into_iter().find(|known| self.channel.as_deref() == Some(known)).unwrap_or("api")
    }
}

/// The header by which a client says which channel it is.
const CHANNEL: &str = "x-buoy-channel";
/// Channels that a client of this API may be.
const CHANNELS: [&str; 3] = ["web", "mobile", "api"];

/// Who asks: behind proxies that are trusted, the last address that no trusted one vouches for.
fn origin(peer: IpAddr, forwarded: Option<&str>, limits: &Limits) -> IpAddr {
    let is_trusted = |ip: &IpAddr| limits.trusted_proxies.contains(ip);
    let mut origin = peer;
    for hop in forwarded.unwrap_or_default().rsplit(',') {
        if !is_trusted(&origin) {
            break;
        }
        let Ok(ip) = hop.trim().parse() else { break };
        origin = ip;
    }
    origin
}

/// Who asks, and until when the credential holds.
#[derive(Clone)]
pub struct Guest {
    pub caller: Caller,
    pub scope: TokenScope,
    pub expires_at: Option<Timestamp>,
}

impl Gate {
    /// From a token to the caller. `None`: anonymous.
    pub async fn admit(&self, token: Option<&str>, peer: &Peer) -> Result<Guest, Error> {
        let (actor, scope, expires_at) = match token {
            None => (Actor::Anonymous, TokenScope::Full, None),
            Some(token) => {
                let Admitted { person, scope, expires_at } = people::queries::admit(&self.app, token).await?;
                (Actor::Person(person), scope, expires_at)
            }
        };
        let cx = Ctx { app: self.app.clone(), actor, channel: peer.channel(), request_id: self.app.new_uuid() };
        let language = Language::of(peer.languages.as_deref());
        let changed = CancellationToken::new();
        Ok(Guest { caller: Caller { cx, language, address: peer.address.clone(), changed }, scope, expires_at })
    }
}

/// Registers `/graphql`.
pub fn configure(config: &mut web::ServiceConfig, gate: web::Data<Gate>) {
    let cors = origin::cors(&gate.limits.origins);
    config.app_data(gate).service(
        web::resource("/graphql")
            .wrap(cors)
            .route(web::get().guard(ws::is_upgrade()).to(ws::open))
            .route(web::get().to(http::get))
            .route(web::post().to(http::post))
            .default_service(web::to(http::other_method)),
    );
}

/// The parameters of a request, checked as the specification says.
#[derive(Debug, Default)]
pub struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Option<Map<String, Json>>,
}

impl Parameters {
    /// From the body of a request, or the payload of `subscribe`.
    pub fn of(json: Json) -> Result<Self, String> {
        let Json::Object(mut given) = json else {
            return Err(match json {
                Json::Array(_) => "Batches are not served: send one operation a request.".to_owned(),
                _ => "Expected a JSON object with the key query.".to_owned(),
            });
        };
        let query = match given.remove("query") {
            Some(Json::String(query)) => query,
            Some(_) => return Err("query must be a string.".to_owned()),
            None => return Err("The key query is missing.".to_owned()),
        };
        let operation_name = match given.remove("operationName") {
            None | Some(Json::Null) => None,
            // An empty name is none.
            Some(Json::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(_) => return Err("operationName must be a string or null.".to_owned()),
        };
        let variables = match given.remove("variables") {
            None | Some(Json::Null) => None,
            Some(Json::Object(variables)) => Some(variables),
            Some(_) => return Err("variables must be an object or null.".to_owned()),
        };
        match given.remove("extensions") {
            None | Some(Json::Null | Json::Object(_)) => {}
            Some(_) => return Err("extensions must be an object or null.".to_owned()),
        }
        Ok(Self { query, operation_name, variables })
    }
}

/// A document that may be executed.
pub struct Prepared {
    request: Request,
    pub operation: OperationType,
    sharing: Arc<Sharing>,
}

/// Parses and bounds a document; the error is a GraphQL request error.
pub fn prepare(gate: &Gate, guest: &Guest, parameters: Parameters, lasting: bool) -> Result<Prepared, Box<Response>> {
    let Parameters { query, operation_name, variables } = parameters;
    let refuse = |message: String| Box::new(request_error(TopCode::BadUserInput, message));
    cost::check_text(&query, &gate.limits.cost).map_err(refuse)?;
    let document = parse_query(&query).map_err(|e| refuse(ServerError::from(e).message))?;
    cost::check(&document, &gate.limits.cost).map_err(refuse)?;
    if guest.scope == TokenScope::TodoRead
        && let Err(message) = scope::reads_todo(&document)
    {
        return Err(Box::new(request_error(TopCode::Forbidden, message)));
    }
    let chosen = operation_of(&document, operation_name.as_deref()).map_err(refuse)?;
    let root = &chosen.selection_set.node.items;
    if chosen.ty == OperationType::Subscription
        && !matches!(&root[..], [one] if matches!(one.node, Selection::Field(_)))
    {
        return Err(refuse("A subscription has exactly one field at its root.".to_owned()));
    }
    let (operation, sharing) = (chosen.ty, Arc::new(Sharing::of(&document, chosen, &query, variables.as_ref())));
    if !may_introspect(gate, guest) && cost::introspects(&document) {
        return Err(refuse("Introspection is for those who have signed in.".to_owned()));
    }
    let mut request = Request::new(query);
    request = furnish(request, guest.caller.clone(), lasting);
    if let Some(name) = operation_name {
        request = request.operation_name(name);
    }
    if let Some(variables) = variables {
        request = request.variables(async_graphql::Variables::from_json(Json::Object(variables)));
    }
    request.set_parsed_query(document);
    Ok(Prepared { request, operation, sharing })
}

fn may_introspect(gate: &Gate, guest: &Guest) -> bool {
    gate.demo || guest.caller.cx.actor.user_id().is_some()
}

fn operation_of<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Result<&'d OperationDefinition, String> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Multiple(named), None) if named.len() == 1 => {
            named.values().next().map(|operation| &operation.node).ok_or_else(|| "The document is empty.".to_owned())
        }
        (DocumentOperations::Multiple(_), None) => {
            Err("The document has several operations: say which by operationName.".to_owned())
        }
        (DocumentOperations::Multiple(named), Some(name)) if named.contains_key(name) => Ok(&named[name].node),
        (_, Some(name)) => Err(format!("The document has no operation named {name:?}.")),
    }
}

/// Runs a query or mutation; whatever happens, there is a response.
pub async fn execute(gate: &Gate, guest: &Guest, prepared: Prepared) -> Response {
    let Prepared { request, operation, sharing } = prepared;
    let span = tracing::info_span!("request", id = %guest.caller.cx.request_id, %operation);
    let timer = metrics::SECONDS.with_label_values(&[word(operation)]).start_timer();
    let running = AssertUnwindSafe(gate.schema.execute(request).instrument(span)).catch_unwind();
    let response = match pace::within(gate.limits.execution_timeout, running).await {
        Some(Ok(response)) => response,
        Some(Err(_)) => panicked(guest),
        None => request_error(TopCode::Internal, "The operation took too long and was given up.".to_owned()),
    };
    timer.observe_duration();
    let mut response = finish(gate, guest, response);
    sharing.shape.arrange(&mut response.data);
    for error in &response.errors {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code")).map(ToString::to_string);
        metrics::ERRORS.with_label_values(&[code.as_deref().unwrap_or_default().trim_matches('"')]).inc();
    }
    response
}

const fn word(operation: OperationType) -> &'static str {
    match operation {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

/// What operators see of requests.
mod metrics {
    use std::sync::LazyLock;

    use prometheus::{HistogramVec, IntCounterVec, register_histogram_vec, register_int_counter_vec};

    pub static SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
        let help = "How long queries and mutations took, in seconds.";
        register_histogram_vec!("buoy_graphql_seconds", help, &["operation"]).expect("registered once")
    });
    pub static ERRORS: LazyLock<IntCounterVec> = LazyLock::new(|| {
        let help = "Top-level errors, by their code.";
        register_int_counter_vec!("buoy_graphql_errors_total", help, &["code"]).expect("registered once")
    });
}

/// The answer where a resolver panicked; what it was stands in the log, by the panic hook.
fn panicked(guest: &Guest) -> Response {
    let (code, message) = public(Error::internal("a resolver panicked"), guest.caller.language);
    request_error(code, message)
}

fn request_error(code: TopCode, message: String) -> Response {
    let mut error = ServerError::new(message, None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.word());
    error.extensions = Some(extensions);
    Response::from_errors(vec![error])
}

/// Gives every error a code, and takes hints from those who may not know the schema.
fn finish(gate: &Gate, guest: &Guest, mut response: Response) -> Response {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        // Ours carry a code; what has none comes from parsing, validating or reading inputs.
        if extensions.get("code").is_none() {
            extensions.set("code", TopCode::BadUserInput.word());
        }
        if !may_introspect(gate, guest)
            && let Some(hint) = error.message.find(" Did you mean")
        {
            error.message.truncate(hint);
        }
    }
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        // What an operator finds the log lines by.
        if extensions.get("code") == Some(&TopCode::Internal.word().into()) {
            extensions.set("requestId", guest.caller.cx.request_id.to_string());
        }
    }
    response
}

/// Whether nothing was executed: then the answer has no `data` at all.
pub fn is_request_error(response: &Response) -> bool {
    !response.errors.is_empty()
        && response.data == Value::Null
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// The response as JSON.
pub fn to_json(response: &Response) -> String {
    let text = if is_request_error(response) {
        serde_json::to_string(&serde_json::json!({ "errors": response.errors }))
    } else {
        serde_json::to_string(response)
    };
    text.unwrap_or_else(|e| format!(r#"{{"errors":[{{"message":{:?}}}]}}"#, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_believed_only_from_trusted_proxies() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let limits = Limits { trusted_proxies: vec![ip("10.0.0.1"), ip("10.0.0.2")], ..Limits::default() };
        for (peer, forwarded, expected) in [
            ("203.0.113.7", None, "203.0.113.7"),
            ("203.0.113.7", Some("198.51.100.1"), "203.0.113.7"),
            ("10.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
            ("10.0.0.1", Some("6.6.6.6, 198.51.100.1, 10.0.0.2"), "198.51.100.1"),
            ("10.0.0.1", Some("nonsense"), "10.0.0.1"),
            ("10.0.0.1", None, "10.0.0.1"),
        ] {
            assert_eq!(origin(ip(peer), forwarded, &limits), ip(expected), "{peer} {forwarded:?}");
        }
    }
}
