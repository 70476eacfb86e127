//! `/intake/{gateway}`: where other parties call.

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::intake::commands::receive;
use domain::intake::model::{BODY_BYTES_MAX, Gateway, Raw, Received, Reply};
use domain::runtime::Ctx;
use serde_json::json;

use crate::language::Language;
use crate::transport::{Gate, Peer};

/// Headers of a request that its check may need.
const HEADERS: [&str; 9] = [
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
/// Pairs of a query string, and bytes of one value.
const QUERY_MAX: usize = 32;
const VALUE_MAX: usize = 4_096;
/// Whoever cannot be kept now comes back after so many seconds.
const RETRY_AFTER_SECS: &str = "600";

fn failure(status: StatusCode, code: &str, message: &str, submission: Option<String>) -> HttpResponse {
    let error = json!({ "code": code, "message": message, "submissionId": submission });
    HttpResponse::build(status).insert_header((header::CACHE_CONTROL, "no-store")).json(json!({ "error": error }))
}

/// A request of another party: GET where its provider only verifies the address.
pub async fn call(request: HttpRequest, path: Path<String>, gate: Data<Gate>, payload: Payload) -> HttpResponse {
    let Some(gateway) = Gateway::parse(&path).filter(|gateway| *gateway != Gateway::Email) else {
        return failure(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no gateway of this name.", None);
    };
    let body = match payload.to_bytes_limited(BODY_BYTES_MAX).await {
        Ok(Ok(body)) => body.to_vec(),
        Ok(Err(_)) => return failure(StatusCode::BAD_REQUEST, "INVALID", "The body was cut off: send it again.", None),
        Err(_) => {
            let message = format!("The body is larger than {BODY_BYTES_MAX} bytes.");
            return failure(StatusCode::PAYLOAD_TOO_LARGE, "LIMIT_EXCEEDED", &message, None);
        }
    };
    let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let query = query.map(actix_web::web::Query::into_inner).unwrap_or_default();
    if query.len() > QUERY_MAX || query.iter().any(|(name, value)| name.len() + value.len() > VALUE_MAX) {
        return failure(StatusCode::BAD_REQUEST, "LIMIT_EXCEEDED", "The query string is too long.", None);
    }
    let kept = |name: &str| {
        let value = request.headers().get(name)?.to_str().ok().filter(|value| value.len() <= VALUE_MAX)?;
        Some((name.to_owned(), value.to_owned()))
    };
    let peer = Peer::of(&request, &gate.limits);
    let cx = Ctx::system(&gate.app);
    let raw = Raw {
        gateway,
        verifying: request.method() == actix_web::http::Method::GET,
        query,
        headers: HEADERS.into_iter().filter_map(kept).collect(),
        body,
        source: peer.address.clone().unwrap_or_default(),
        at: cx.now(),
    };
    let language = Language::of(peer.languages.as_deref());
    match receive(&cx, &raw).await {
        Ok(Received::Answer(Reply { content_type, body })) => {
            HttpResponse::Ok().insert_header((header::CONTENT_TYPE, content_type)).body(body)
        }
        Ok(Received::Quarantined(id, reason)) => failure(
            StatusCode::UNAUTHORIZED,
            reason.word(),
            "The check failed. Nothing is lost: the submission is kept, and released once the credential is mended.",
            Some(id.to_string()),
        ),
        Ok(Received::Unverified(reason)) => {
            failure(StatusCode::UNAUTHORIZED, reason.word(), "The check failed: nothing was asked for yet.", None)
        }
        Ok(Received::Later) => {
            let mut answer = failure(
                StatusCode::TOO_MANY_REQUESTS,
                "LIMIT_EXCEEDED",
                "No more is taken now: come back later.",
                None,
            );
            let after = header::HeaderValue::from_static(RETRY_AFTER_SECS);
            answer.headers_mut().insert(header::RETRY_AFTER, after);
            answer
        }
        // Kept all the same: what it names may be made known, and it is released.
        Ok(Received::Refused(id, message)) => {
            failure(StatusCode::UNPROCESSABLE_ENTITY, "INVALID", &language.say(&message), Some(id.to_string()))
        }
        Err(error) => {
            tracing::error!(%error, gateway = gateway.word(), "a submission could not be taken");
            failure(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Something failed on our side: send it again.", None)
        }
    }
}
