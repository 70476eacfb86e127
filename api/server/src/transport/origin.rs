//! Cross-origin access: browsers send the origin of a page, and only listed origins are allowed.

use actix_cors::Cors;
use actix_web::HttpRequest;
use actix_web::http::header;

use super::Limits;

/// How long a browser caches a preflight response.
const PREFLIGHT_MAX_AGE_SECS: usize = 600;

/// CORS rules: <https://fetch.spec.whatwg.org/#http-cors-protocol>.
pub fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST"])
        .allowed_headers(["accept", "accept-language", "authorization", "content-type", super::CHANNEL])
        .max_age(PREFLIGHT_MAX_AGE_SECS);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// Whether a WebSocket may be opened (browsers send no preflight): without an origin, from this server, or from a
/// listed origin.
pub fn is_allowed(request: &HttpRequest, limits: &Limits) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let same_origin = origin.split_once("://").is_some_and(|(_, authority)| host == Some(authority));
    same_origin || limits.widget.origins.iter().chain(&limits.own_origin).any(|allowed| allowed == origin)
}
