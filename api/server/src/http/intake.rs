//! `/intake/{gateway}`: the endpoint for external senders.

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::intake::commands::receive;
use domain::intake::model::{BODY_BYTES_MAX, Gateway, RawRequest, ReceiveOutcome, Reply};
use domain::runtime::Ctx;
use serde_json::json;

use crate::transport::{GraphqlService, Peer, is_json, read_body};
use domain::kernel::Locale;

/// Headers that verification may need.
const VERIFICATION_HEADERS: [&str; 9] = [
    "content-type",
    "timestamp",
    "sign",
    "x-lark-request-timestamp",
    "x-lark-request-nonce",
    "x-lark-signature",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];
/// Limits of a query string: pairs, and bytes of one value.
const QUERY_MAX: usize = 32;
const VALUE_MAX: usize = 4_096;
/// When a sender may try again, in seconds.
const RETRY_AFTER_SECS: &str = "600";

fn error_response(status: StatusCode, code: &str, message: &str, submission: Option<String>) -> HttpResponse {
    let error = json!({ "code": code, "message": message, "submissionId": submission });
    HttpResponse::build(status).insert_header((header::CACHE_CONTROL, "no-store")).json(json!({ "error": error }))
}

/// A request of an external sender; GET only verifies the address.
pub async fn call(
    request: HttpRequest,
    path: Path<String>,
    service: Data<GraphqlService>,
    payload: Payload,
) -> HttpResponse {
    let Some(gateway) = path.parse::<Gateway>().ok().filter(|gateway| *gateway != Gateway::Email) else {
        return error_response(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no gateway of this name.", None);
    };
    // Otherwise a page of another site could send forms, without asking by a preflight.
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if gateway == Gateway::Web && request.method() == Method::POST && !is_json(content_type) {
        let message = "Send the form as Content-Type: application/json, in UTF-8.";
        return error_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID", message, None);
    }
    let body = match read_body(payload, BODY_BYTES_MAX, service.limits.http.body_timeout()).await {
        Ok(body) => body.to_vec(),
        Err(error) => {
            let code = if error.status() == StatusCode::BAD_REQUEST { "INVALID" } else { "LIMIT_EXCEEDED" };
            return error_response(error.status(), code, &error.message(), None);
        }
    };
    let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let query = query.map(actix_web::web::Query::into_inner).unwrap_or_default();
    if query.len() > QUERY_MAX || query.iter().any(|(name, value)| name.len() + value.len() > VALUE_MAX) {
        return error_response(StatusCode::BAD_REQUEST, "LIMIT_EXCEEDED", "The query string is too long.", None);
    }
    let header = |name: &str| {
        let value = request.headers().get(name)?.to_str().ok().filter(|value| value.len() <= VALUE_MAX)?;
        Some((name.to_owned(), value.to_owned()))
    };
    let peer = Peer::of(&request, &service.limits);
    let cx = Ctx::system(&service.app);
    let raw = RawRequest {
        gateway,
        verifying: request.method() == Method::GET,
        query,
        headers: VERIFICATION_HEADERS.into_iter().filter_map(header).collect(),
        body,
        source: peer.address.clone().unwrap_or_default(),
        at: cx.now(),
    };
    let language = Locale::from_accept_language(peer.languages.as_deref());
    match receive(&cx, &raw).await {
        Ok(ReceiveOutcome::Reply(Reply { content_type, body })) => {
            HttpResponse::Ok().insert_header((header::CONTENT_TYPE, content_type)).body(body)
        }
        Ok(ReceiveOutcome::Quarantined(id, reason)) => error_response(
            StatusCode::UNAUTHORIZED,
            reason.as_str(),
            "The check failed. Nothing is lost: the submission is kept, and released once the credential is mended.",
            Some(id.to_string()),
        ),
        Ok(ReceiveOutcome::Unverified(reason)) => error_response(
            StatusCode::UNAUTHORIZED,
            reason.as_str(),
            "The check failed: nothing was asked for yet.",
            None,
        ),
        Ok(ReceiveOutcome::RetryLater) => {
            let mut response = error_response(
                StatusCode::TOO_MANY_REQUESTS,
                "LIMIT_EXCEEDED",
                "No more is taken now: come back later.",
                None,
            );
            let after = header::HeaderValue::from_static(RETRY_AFTER_SECS);
            response.headers_mut().insert(header::RETRY_AFTER, after);
            response
        }
        // It stays in quarantine: what it refers to may be created later, and then it can be released.
        Ok(ReceiveOutcome::Refused(id, message)) => {
            error_response(StatusCode::UNPROCESSABLE_ENTITY, "INVALID", &message.text(language), Some(id.to_string()))
        }
        Err(error) => {
            tracing::error!(%error, gateway = gateway.as_str(), "a submission could not be taken");
            error_response(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                "Something failed on our side: send it again.",
                None,
            )
        }
    }
}
