//! GraphQL over HTTP and over WebSocket, as both protocols specify.
//!
//! - <https://graphql.github.io/graphql-over-http/draft/>
//! - <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>
//!
//! The cost of a document is limited before validation ([`cost`]). A panic in a resolver becomes an INTERNAL error of
//! that operation only.

mod address;
mod body;
pub(crate) mod budget;
pub(crate) mod connections;
pub mod cost;
mod document;
mod frames;
mod http;
mod message_sender;
mod origin;
mod price;
mod scope;
pub mod settings;
pub(crate) mod sockets;
pub(crate) mod timeout;
mod ws;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::{HttpRequest, web};
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
};
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError, Value};
use domain::auth::model::TokenScope;
use domain::kernel::{Actor, Error, Timestamp, TopCode};
use domain::people;
use domain::people::queries::Authentication;
use domain::runtime::{App, Ctx};
use futures::FutureExt as _;
use serde_json::{Map, Value as Json};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use domain::kernel::Locale;
use graphql::shared_execution::SharedExecution;
use graphql::{BuoySchema, Caller, attach_context, public_error};

pub(crate) use self::body::read_body;
use self::budget::{Payer, WorkBudget};
use self::document::ExecutableRequest;
pub(crate) use self::http::{bearer, is_json};
use self::settings::{Http, WebSocket, Widget};
use self::sockets::OpenSockets;

/// All limits of the transport.
#[derive(Clone, Debug)]
pub struct Limits {
    pub http: Http,
    pub websocket: WebSocket,
    pub widget: Widget,
    /// The origin of this server's own pages, if it is behind a proxy.
    pub own_origin: Option<String>,
    /// Cost of one document.
    pub cost: cost::Limits,
}

/// What all requests and sockets share.
pub struct GraphqlService {
    pub app: Arc<App>,
    pub schema: BuoySchema,
    pub demo: bool,
    pub limits: Limits,
    pub budget: WorkBudget,
    pub sockets: Arc<OpenSockets>,
    /// Cancelled on shutdown: sockets are closed, and clients reconnect.
    pub stop: CancellationToken,
}

/// Origin of a request.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The unit by which strangers are counted: an IPv4 address, or an IPv6 network.
    pub address: Option<String>,
    pub languages: Option<String>,
    pub channel: Option<String>,
}

impl Peer {
    pub fn of(request: &HttpRequest, limits: &Limits) -> Self {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let address = request.peer_addr().map(|peer| {
            let client = address::client_address(peer.ip(), request.headers(), &limits.http.trusted_proxies);
            address::network(client)
        });
        Self { address, languages: text("accept-language"), channel: text(CHANNEL) }
    }

    /// The channel that the client claims; `api` by default.
    fn channel(&self) -> &'static str {
        CHANNELS.into_iter().find(|known| self.channel.as_deref() == Some(known)).unwrap_or("api")
    }
}

/// Header by which a client names its channel.
const CHANNEL: &str = "x-buoy-channel";
/// Channels that clients of this API may claim.
const CHANNELS: [&str; 3] = ["web", "mobile", "api"];

/// The authenticated caller, and when the credential expires.
#[derive(Clone)]
pub struct RequestContext {
    pub caller: Caller,
    pub scope: TokenScope,
    pub expires_at: Option<Timestamp>,
}

impl GraphqlService {
    /// Authenticates a token. Without one the caller is anonymous.
    pub async fn authenticate(&self, token: Option<&str>, peer: &Peer) -> Result<RequestContext, Error> {
        let (actor, scope, expires_at) = match token {
            None => (Actor::Anonymous, TokenScope::Full, None),
            Some(token) => {
                let Authentication { person, scope, expires_at } =
                    people::queries::authenticate(&self.app, token).await?;
                (Actor::Person(person), scope, expires_at)
            }
        };
        let cx = Ctx { app: self.app.clone(), actor, channel: peer.channel(), request_id: self.app.new_uuid() };
        let language = Locale::from_accept_language(peer.languages.as_deref());
        let rights_changed = CancellationToken::new();
        Ok(RequestContext {
            caller: Caller { cx, language, address: peer.address.clone(), rights_changed },
            scope,
            expires_at,
        })
    }
}

/// Registers `/graphql`.
pub fn configure(config: &mut web::ServiceConfig, service: web::Data<GraphqlService>) {
    document::load_types();
    let cors = origin::cors(&service.limits.widget.origins);
    config.app_data(service).service(
        web::resource("/graphql")
            .wrap(cors)
            .route(web::get().guard(ws::is_upgrade()).to(ws::open))
            .route(web::get().to(http::get))
            .route(web::post().to(http::post))
            .default_service(web::to(http::other_method)),
    );
}

/// The parameters of a GraphQL request, validated as the specification requires.
#[derive(Debug, Default)]
pub struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Option<Map<String, Json>>,
}

impl Parameters {
    /// Parses the body of a request, or the payload of `subscribe`.
    pub fn of(json: Json) -> Result<Self, String> {
        let Json::Object(mut fields) = json else {
            return Err(match json {
                Json::Array(_) => "Batches are not served: send one operation a request.".to_owned(),
                _ => "Expected a JSON object with the key query.".to_owned(),
            });
        };
        let query = match fields.remove("query") {
            Some(Json::String(query)) => query,
            Some(_) => return Err("query must be a string.".to_owned()),
            None => return Err("The key query is missing.".to_owned()),
        };
        let operation_name = match fields.remove("operationName") {
            None | Some(Json::Null) => None,
            // An empty name counts as none.
            Some(Json::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(_) => return Err("operationName must be a string or null.".to_owned()),
        };
        let variables = match fields.remove("variables") {
            None | Some(Json::Null) => None,
            Some(Json::Object(variables)) => Some(variables),
            Some(_) => return Err("variables must be an object or null.".to_owned()),
        };
        match fields.remove("extensions") {
            None | Some(Json::Null | Json::Object(_)) => {}
            Some(_) => return Err("extensions must be an object or null.".to_owned()),
        }
        Ok(Self { query, operation_name, variables })
    }
}

/// A document that is ready to execute.
pub struct PreparedRequest {
    request: Request,
    pub operation: OperationType,
    shared_execution: Arc<SharedExecution>,
}

/// Parses a document, checks its limits and gives its variables their values; the error is a GraphQL request error.
pub async fn prepare(
    service: &GraphqlService,
    context: &RequestContext,
    parameters: Parameters,
    allow_subscription: bool,
) -> Result<PreparedRequest, Box<Response>> {
    let Parameters { query, operation_name, variables } = parameters;
    let reject = |message: String| Box::new(request_error(TopCode::BadUserInput, message));
    cost::check_text(&query, &service.limits.cost).map_err(reject)?;
    let document = document::parse(&query).map_err(reject)?;
    cost::check(&document, &service.limits.cost).map_err(reject)?;
    if context.scope == TokenScope::TodoRead
        && let Err(message) = scope::check_todo_scope(&document)
    {
        return Err(Box::new(request_error(TopCode::Forbidden, message)));
    }
    let selected = operation_of(&document, operation_name.as_deref()).map_err(reject)?;
    let root = &selected.selection_set.node.items;
    let is_plain_field = |one: &Selection| matches!(one, Selection::Field(_)) && one.directives().is_empty();
    if selected.ty == OperationType::Subscription && !matches!(&root[..], [one] if is_plain_field(&one.node)) {
        return Err(reject("A subscription has exactly one field at its root, without directives.".to_owned()));
    }
    charge(service, context, price::price(&document, selected, variables.as_ref()))?;
    let (operation, shared_execution) =
        (selected.ty, Arc::new(SharedExecution::of(&document, selected, &query, variables.as_ref())));
    if !may_introspect(service, context) && cost::introspects(&document) {
        return Err(reject("Introspection is for those who have signed in.".to_owned()));
    }
    let ExecutableRequest { document, variables } =
        document::complete(service, context, document, operation_name.as_deref(), variables.unwrap_or_default())
            .await?;
    let mut request = attach_context(Request::new(query), context.caller.clone(), allow_subscription);
    if let Some(name) = operation_name {
        request = request.operation_name(name);
    }
    request = request.variables(variables);
    request.set_parsed_query(document);
    Ok(PreparedRequest { request, operation, shared_execution })
}

/// Charges an operation to its caller.
fn charge(service: &GraphqlService, context: &RequestContext, units: u64) -> Result<(), Box<Response>> {
    let Caller { cx, address, .. } = &context.caller;
    let charged = service.budget.charge(Payer::of(&cx.actor, address.as_ref()), units, cx.now());
    charged.map_err(|seconds| {
        let message = format!(
            "Your operations of the last minute took more than their share of work: try again in {seconds} s, and ask for less."
        );
        Box::new(request_error(TopCode::RateLimited, message))
    })
}

fn may_introspect(service: &GraphqlService, context: &RequestContext) -> bool {
    service.demo || context.caller.cx.actor.user_id().is_some()
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

/// Executes a query or mutation; always gives a response.
pub async fn execute(service: &GraphqlService, context: &RequestContext, prepared: PreparedRequest) -> Response {
    let PreparedRequest { request, operation, shared_execution } = prepared;
    let span = tracing::info_span!("request", id = %context.caller.cx.request_id, %operation);
    let timer = metrics::SECONDS.with_label_values(&[operation_kind(operation)]).start_timer();
    let execution = AssertUnwindSafe(service.schema.execute(request).instrument(span)).catch_unwind();
    let response = match timeout::with_timeout(service.limits.http.execution_timeout(), execution).await {
        Some(Ok(response)) => response,
        Some(Err(_)) => panicked(context),
        None => request_error(TopCode::Internal, "The operation took too long and was given up.".to_owned()),
    };
    timer.observe_duration();
    let mut response = finish(service, context, response);
    shared_execution.field_order.apply(&mut response.data);
    for error in &response.errors {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code")).map(ToString::to_string);
        metrics::ERRORS.with_label_values(&[code.as_deref().unwrap_or_default().trim_matches('"')]).inc();
    }
    response
}

const fn operation_kind(operation: OperationType) -> &'static str {
    match operation {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

/// Metrics of requests for operators.
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

/// The response after a panic in a resolver; the panic hook logs the cause.
fn panicked(context: &RequestContext) -> Response {
    let (code, message) = public_error(Error::internal("a resolver panicked"), context.caller.language);
    request_error(code, message)
}

fn request_error(code: TopCode, message: String) -> Response {
    let mut error = ServerError::new(message, None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.as_str());
    error.extensions = Some(extensions);
    Response::from_errors(vec![error])
}

/// Adds a code to every error, and removes hints about the schema for callers who may not introspect.
fn finish(service: &GraphqlService, context: &RequestContext, mut response: Response) -> Response {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        // Our errors have a code; others come from parsing, validation or input coercion.
        if extensions.get("code").is_none() {
            extensions.set("code", TopCode::BadUserInput.as_str());
        }
        if !may_introspect(service, context)
            && let Some(hint) = error.message.find(" Did you mean")
        {
            error.message.truncate(hint);
        }
    }
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        // Lets an operator find the log lines.
        if extensions.get("code") == Some(&TopCode::Internal.as_str().into()) {
            extensions.set("requestId", context.caller.cx.request_id.to_string());
        }
    }
    response
}

/// Whether nothing was executed: then the response has no `data`.
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
