//! Serves the embedded web app.

use actix_web::http::header;
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

/// A file, or the app's page for its client-side routes.
pub async fn serve(request: HttpRequest) -> HttpResponse {
    let path = request.path().trim_start_matches('/');
    let has_extension = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match Web::get(path) {
        // This page needs its own policy.
        _ if path == GRAPHIQL_FILE => {
            HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/graphiql")).finish()
        }
        Some(file) if path == WIDGET_FILE || path.starts_with(SDK) => {
            let mut response = file_response(&request, path, file);
            let anyone = header::HeaderValue::from_static("*");
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
            response
        }
        Some(file) if !path.is_empty() => file_response(&request, path, file),
        _ if has_extension => HttpResponse::NotFound().body("Not found"),
        _ => page(&request, "index.html"),
    }
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
