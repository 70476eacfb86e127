//! Serves the embedded web app.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;

use super::headers::GRAPHIQL_POLICY;

/// The built files of `web/`.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Web;

/// Other sites load it as a module, with or without an integrity hash.
const WIDGET_FILE: &str = "widget.js";
const SDK: &str = "sdk/";
const GRAPHIQL_FILE: &str = "graphiql.html";

/// The routes of the web app (`web/src/App.tsx`); a segment with a colon is any text, one with a question mark may be
/// absent.
const ROUTES: [&str; 15] = [
    "/",
    "/knowledge",
    "/knowledge/:id",
    "/me",
    "/new",
    "/panorama/:reference?",
    "/rate/:token",
    "/reports",
    "/reports/divergence",
    "/reports/health",
    "/reports/heatmap",
    "/request",
    "/settings",
    "/t/:link",
    "/tickets/:number",
];

/// A file, or the app's page for its routes; anything else is not found, so that what was meant for another address is
/// not answered by a page.
pub async fn serve(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    let name = path.strip_prefix('/').unwrap_or(path);
    let file = Web::get(name);
    if file.is_none() && !is_route(path) {
        return plain(StatusCode::NOT_FOUND, "Not found: there is nothing at this address.".to_owned());
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return method_not_allowed("GET, HEAD");
    }
    match file {
        // This page needs its own policy.
        Some(_) if name == GRAPHIQL_FILE => {
            HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/graphiql")).finish()
        }
        Some(file) if name == WIDGET_FILE || name.starts_with(SDK) => {
            let mut response = file_response(&request, name, file);
            let anyone = header::HeaderValue::from_static("*");
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
            response
        }
        Some(file) => file_response(&request, name, file),
        None => page(&request, "index.html"),
    }
}

/// Whether a path is one of the app's routes; the app ignores a slash at the end.
fn is_route(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    ROUTES.iter().any(|route| {
        let mut given = path.split('/');
        let matches =
            route.trim_end_matches('/').split('/').all(|segment| match (segment.strip_prefix(':'), given.next()) {
                (Some(name), None) => name.ends_with('?'),
                (Some(_), Some(text)) => !text.is_empty(),
                (None, text) => text == Some(segment),
            });
        matches && given.next().is_none()
    })
}

/// The answer to another method than those that an address has.
pub fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let message = format!("This method is not allowed here: use {allowed}.");
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, message);
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
    response
}

fn plain(status: StatusCode, message: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(message)
}

/// GraphiQL, only with files of this server.
pub async fn graphiql(request: HttpRequest) -> HttpResponse {
    let mut response = page(&request, GRAPHIQL_FILE);
    let policy = header::HeaderValue::from_static(GRAPHIQL_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn page(request: &HttpRequest, name: &str) -> HttpResponse {
    match Web::get(name) {
        Some(file) => file_response(request, name, file),
        None => HttpResponse::NotFound().body("The web app is not built in: run make web"),
    }
}

fn file_response(request: &HttpRequest, name: &str, file: rust_embed::EmbeddedFile) -> HttpResponse {
    let tag = format!("\"{}\"", hex_of(&file.metadata.sha256_hash()));
    if request.headers().get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes()) {
        return HttpResponse::NotModified().finish();
    }
    // Files under assets/ have a content hash in their name.
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, file.metadata.mimetype().to_owned()))
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::ETAG, tag))
        .body(file.data.into_owned())
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_routes_of_the_app_are_its_pages() {
        for (path, expected) in [
            ("/", true),
            ("/tickets/5", true),
            ("/tickets/5/", true),
            ("/panorama", true),
            ("/panorama/SO-1.5", true),
            ("/panorama/a%2Fb", true),
            ("/rate/x.y", true),
            ("/reports/health", true),
            ("", true),
            ("//", false),
            ("/tickets", false),
            ("/tickets/", false),
            ("/tickets/5/6", false),
            ("/tickets//", false),
            ("//tickets/5", false),
            ("/panorama/a/b", false),
            ("/Reports", false),
            ("/reports/nosuch", false),
            ("/graphql/", false),
            ("/intake/api/", false),
            ("/intake/wecom/x", false),
            ("/index.html", false),
        ] {
            assert_eq!(is_route(path), expected, "{path}");
        }
    }
}
