//! Pages of other sites: a browser says where a page comes from, and only those on the list may ask.

use actix_cors::Cors;
use actix_web::HttpRequest;
use actix_web::http::header;

use super::Limits;

/// A browser keeps the answer to its question for so long.
const KEPT_SECS: usize = 600;

/// The rules of cross-origin requests: <https://fetch.spec.whatwg.org/#http-cors-protocol>.
pub fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST"])
        .allowed_headers(["accept", "accept-language", "authorization", "content-type", super::CHANNEL])
        .max_age(KEPT_SECS);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// Whether a WebSocket may be opened, which no browser asks beforehand: from no page at all, from a page of this server, or
/// from one on the list.
pub fn may_open(request: &HttpRequest, limits: &Limits) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").is_some_and(|(_, authority)| host == Some(authority));
    own || limits.origins.iter().chain(&limits.own_origin).any(|allowed| allowed == origin)
}
