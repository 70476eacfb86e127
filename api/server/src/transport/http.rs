//! GraphQL over HTTP.

use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::parser::types::OperationType;
use domain::kernel::TopCode;
use serde_json::Value as Json;

use super::{GraphqlService, Parameters, Peer, RequestContext, execute, is_request_error, prepare, read_body, to_json};
use domain::kernel::Locale;
use graphql::public_error;

/// Media types of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// The status code tells whether the request was valid.
    GraphqlResponse,
    /// 200 for every well-formed request.
    Json,
}

impl Media {
    const fn as_str(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// The media type that the client prefers; `None`: none is supported. Without the header JSON is used, as the
    /// specification requires for legacy clients.
    fn negotiate(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept else { return Some(Self::Json) };
        let mut best: Option<(f32, Self)> = None;
        for part in accept.split(',') {
            let mut parts = part.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                // Wildcards are treated like legacy clients.
                "application/json" | "*/*" | "application/*" => Self::Json,
                _ => continue,
            };
            let mut weight = 1.0;
            let mut charset = true;
            for parameter in parts {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => weight = value.trim().parse().unwrap_or(0.0),
                    "charset" => charset = value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"),
                    _ => {}
                }
            }
            if charset && weight > 0.0 && best.is_none_or(|(best_weight, _)| weight > best_weight) {
                best = Some((weight, media));
            }
        }
        best.map(|(_, media)| media)
    }
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The token after `Bearer `; `Err` for another scheme.
pub fn bearer(header: Option<&str>) -> Result<Option<&str>, ()> {
    let Some(header) = header else { return Ok(None) };
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(Some(token.trim()))
        }
        _ => Err(()),
    }
}

fn json_response(status: StatusCode, media: Media, body: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, media.as_str()))
        .insert_header((header::VARY, "Accept, Accept-Language, Authorization"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}

fn error_response(status: StatusCode, media: Media, code: TopCode, message: &str) -> HttpResponse {
    let body = serde_json::json!({ "errors": [{ "message": message, "extensions": { "code": code.as_str() } }] });
    json_response(status, media, body.to_string())
}

fn bad_request(media: Media, message: &str) -> HttpResponse {
    error_response(StatusCode::BAD_REQUEST, media, TopCode::BadUserInput, message)
}

/// The first steps of every request: negotiates the media type and authenticates the caller.
async fn accept_request(
    request: &HttpRequest,
    service: &GraphqlService,
) -> Result<(Media, RequestContext), HttpResponse> {
    let accept = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    let accept = accept.collect::<Vec<_>>().join(",");
    let media = Media::negotiate((!accept.is_empty()).then_some(accept.as_str())).ok_or_else(|| {
        error_response(
            StatusCode::NOT_ACCEPTABLE,
            Media::Json,
            TopCode::BadUserInput,
            "Accept application/graphql-response+json or application/json.",
        )
    })?;
    let peer = Peer::of(request, &service.limits);
    let unauthenticated = |error| {
        let (code, message) = public_error(error, Locale::from_accept_language(peer.languages.as_deref()));
        let status =
            if code == TopCode::Unauthenticated { StatusCode::UNAUTHORIZED } else { StatusCode::INTERNAL_SERVER_ERROR };
        let mut response = error_response(status, media, code, &message);
        if code == TopCode::Unauthenticated {
            let challenge = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    };
    let token = bearer(header_text(request.headers(), header::AUTHORIZATION))
        .map_err(|()| unauthenticated(domain::kernel::Error::unauthenticated()))?;
    let context = service.authenticate(token, &peer).await.map_err(unauthenticated)?;
    Ok((media, context))
}

pub async fn post(request: HttpRequest, service: Data<GraphqlService>, payload: web::Payload) -> HttpResponse {
    let (media, context) = match accept_request(&request, &service).await {
        Ok(accepted) => accepted,
        Err(response) => return response,
    };
    if !is_json(header_text(request.headers(), header::CONTENT_TYPE)) {
        return error_response(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            media,
            TopCode::BadUserInput,
            "Send the request as Content-Type: application/json, in UTF-8.",
        );
    }
    let limits = &service.limits.http;
    let body = match read_body(payload, limits.body_bytes_max, limits.body_timeout()).await {
        Ok(body) => body,
        Err(error) => return error_response(error.status(), media, TopCode::BadUserInput, &error.message()),
    };
    let parameters = serde_json::from_slice::<Json>(&body)
        .map_err(|e| format!("The body is not JSON in UTF-8: {e}."))
        .and_then(Parameters::of);
    match parameters {
        Ok(parameters) => run(&service, &context, media, parameters, &Method::POST).await,
        Err(message) => bad_request(media, &message),
    }
}

pub async fn get(request: HttpRequest, service: Data<GraphqlService>) -> HttpResponse {
    let (media, context) = match accept_request(&request, &service).await {
        Ok(accepted) => accepted,
        Err(response) => return response,
    };
    let pairs = match web::Query::<Vec<(String, String)>>::from_query(request.query_string()) {
        Ok(pairs) => pairs.into_inner(),
        Err(e) => return bad_request(media, &format!("The query string does not read: {e}.")),
    };
    let mut object = serde_json::Map::new();
    for (name, value) in pairs {
        let value = match name.as_str() {
            "query" | "operationName" => Json::String(value),
            "variables" | "extensions" => match serde_json::from_str(&value) {
                Ok(json) => json,
                Err(e) => return bad_request(media, &format!("{name} is not JSON: {e}.")),
            },
            _ => continue,
        };
        object.insert(name, value);
    }
    match Parameters::of(Json::Object(object)) {
        Ok(parameters) => run(&service, &context, media, parameters, &Method::GET).await,
        Err(message) => bad_request(media, &message),
    }
}

pub async fn other_method() -> HttpResponse {
    let mut response = error_response(
        StatusCode::METHOD_NOT_ALLOWED,
        Media::Json,
        TopCode::BadUserInput,
        "Use POST, or GET for queries.",
    );
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, POST"));
    response
}

async fn run(
    service: &GraphqlService,
    context: &RequestContext,
    media: Media,
    parameters: Parameters,
    method: &Method,
) -> HttpResponse {
    let prepared = match prepare(service, context, parameters, false).await {
        Ok(prepared) => prepared,
        Err(response) => return json_response(status_of(media, true), media, to_json(&response)),
    };
    match prepared.operation {
        OperationType::Mutation if method == Method::GET => {
            let mut response =
                error_response(StatusCode::METHOD_NOT_ALLOWED, media, TopCode::BadUserInput, "Send mutations by POST.");
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            response
        }
        OperationType::Subscription => {
            bad_request(media, "Subscribe over WebSocket at this address, by graphql-transport-ws.")
        }
        OperationType::Query | OperationType::Mutation => {
            let response = execute(service, context, prepared).await;
            let mut http_response =
                json_response(status_of(media, is_request_error(&response)), media, to_json(&response));
            if let Ok(id) = header::HeaderValue::from_str(&context.caller.cx.request_id.to_string()) {
                http_response.headers_mut().insert(header::HeaderName::from_static("x-request-id"), id);
            }
            http_response
        }
    }
}

const fn status_of(media: Media, request_error: bool) -> StatusCode {
    match (media, request_error) {
        (Media::GraphqlResponse, true) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

pub fn is_json(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_with_the_highest_weight_wins() {
        use Media::{GraphqlResponse, Json};
        for (accept, media) in [
            (None, Some(Json)),
            (Some("application/json"), Some(Json)),
            (Some("application/graphql-response+json"), Some(GraphqlResponse)),
            (Some("application/graphql-response+json, application/json;q=0.9"), Some(GraphqlResponse)),
            (Some("application/graphql-response+json;q=0.1, application/json"), Some(Json)),
            (Some("*/*"), Some(Json)),
            (Some("text/html"), None),
            (Some("application/json;q=0"), None),
            (Some("application/json; charset=latin-1"), None),
            (Some("application/json; charset=UTF-8"), Some(Json)),
        ] {
            assert_eq!(Media::negotiate(accept), media, "{accept:?}");
        }
    }

    #[test]
    fn only_utf8_json_is_accepted() {
        for (content_type, good) in [
            (None, false),
            (Some("application/json"), true),
            (Some("Application/JSON; charset=\"utf-8\""), true),
            (Some("application/json; charset=latin-1"), false),
            (Some("text/plain"), false),
            (Some("application/x-www-form-urlencoded"), false),
        ] {
            assert_eq!(is_json(content_type), good, "{content_type:?}");
        }
    }
}
