//! Security headers of every response.

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::transport::Limits;

/// Content security policies differ only in what a page's styles, fonts and images may be. `connect-src 'self'` includes
/// WebSockets of this origin.
macro_rules! policy {
    ($($source:literal),*) => {
        concat!(
            "default-src 'self'; ", $($source, "; ",)*
            "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
    };
}

const POLICY: &str = policy!("img-src 'self' data:", "style-src 'self'");
/// GraphiQL's editor injects inline styles.
pub const GRAPHIQL_POLICY: &str =
    policy!("img-src 'self' data:", "style-src 'self' 'unsafe-inline'", "font-src 'self' data:");

/// Added to every response that does not set them.
const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
];
/// A year, for this host alone: the proxy decides about its other hosts.
const STRICT_TRANSPORT_SECURITY: (&str, &str) = ("strict-transport-security", "max-age=31536000");

pub fn add_security_headers(headers: &mut HeaderMap, is_behind_tls: bool) {
    let strict = is_behind_tls.then_some(STRICT_TRANSPORT_SECURITY);
    for (name, value) in SECURITY_HEADERS.into_iter().chain(strict) {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// Whether the client uses TLS: as a trusted proxy says, or else by the public URL.
pub fn is_behind_tls(request: &HttpRequest, limits: &Limits) -> bool {
    let forwarded = request.headers().get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let is_trusted = limits.http.trusted_proxies.iter().any(|proxy| Some(proxy.to_canonical()) == peer);
    match forwarded.filter(|_| is_trusted) {
        // The nearest proxy adds its own at the end.
        Some(schemes) => schemes.rsplit(',').next().is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https")),
        None => limits.own_origin.as_ref().is_some_and(|origin| origin.starts_with("https://")),
    }
}
