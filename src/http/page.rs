use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use super::app_state::AppState;
use super::error::HttpError;
use super::kserve;
use super::unread_bytes::InProgram;

/// The files of the page: each name below `/web/` with its bytes.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[
            $(($name, include_bytes!(concat!("../../web/", $name)))),*,
            // The page colours with the same colour maps as the server.
            ("colormaps.bin", include_bytes!("../render/colormaps.bin")),
        ]
    };
}

const FILES: &[(&str, &[u8])] = files![
    "activations.css",
    "activations.js",
    "api.js",
    "attention.js",
    "base.css",
    "brush-controls.js",
    "brush.css",
    "brush.js",
    "camera.js",
    "channel.js",
    "colormap.js",
    "crop.js",
    "crosshair.js",
    "docs.css",
    "docs.html",
    "docs.js",
    "dom.js",
    "errors.js",
    "event-stream.js",
    "explain.css",
    "explain.js",
    "export.js",
    "figure.js",
    "grid.js",
    "heatmap.js",
    "icon.svg",
    "index.html",
    "layer-list.css",
    "layer-list.js",
    "layer-strip.js",
    "layout.css",
    "legacy-address.js",
    "main.js",
    "map-description.js",
    "maps.js",
    "method-menu.js",
    "methods.css",
    "methods.js",
    "npy.js",
    "parameters.js",
    "picture.css",
    "picture.js",
    "plot.css",
    "predictions.css",
    "predictions.js",
    "progress.js",
    "request-queue.js",
    "requests.js",
    "result.css",
    "samples/cat.jpg",
    "samples/cat_and_dog.jpg",
    "samples/coffee.jpg",
    "samples/rocket.jpg",
    "settings.css",
    "settings.js",
    "state.js",
    "strokes.js",
    "tabs.js",
    "theme.css",
    "theme.js",
    "vendor/swagger-ui/LICENSE",
    "vendor/swagger-ui/NOTICE",
    "vendor/swagger-ui/swagger-ui-bundle.js",
    "vendor/swagger-ui/swagger-ui-bundle.js.LICENSE.txt",
    "vendor/swagger-ui/swagger-ui.css",
];

/// The content security policy of the page: it connects to no other host and runs no foreign
/// script. The pictures that it makes are `blob:` URLs, and the icons of Swagger UI are `data:`
/// URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob: data:; connect-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'";

/// A file of the page.
struct File {
    bytes: &'static [u8],
    media_type: &'static str,
    /// A hash of the bytes.
    etag: HeaderValue,
}

static BY_NAME: LazyLock<HashMap<&str, File>> = LazyLock::new(|| {
    let file = |&(name, bytes): &(&'static str, &'static [u8])| {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        let etag = HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\""));
        (name, File { bytes, media_type: media_type(name), etag })
    };
    FILES.iter().map(file).collect()
});

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("jpg") => "image/jpeg",
        Some("bin") => "application/octet-stream",
        _ => "text/plain; charset=utf-8",
    }
}

/// `/web/…`: the files that the pages load. They are not part of the API, so `openapi.yaml` does
/// not describe them.
pub(super) fn files() -> Router<Arc<AppState>> {
    // The path is not percent-decoded: no file name needs it, and any other path is a 404.
    let file =
        async |uri: Uri, headers: HeaderMap| send(uri.path().trim_start_matches("/web/"), &headers);
    Router::new().route("/web/{*name}", get(file))
}

/// `GET /`: the page. A client that does not ask for HTML, as every browser does, gets KServe's
/// answer that the process is alive.
pub(super) async fn index(headers: HeaderMap) -> Result<Response, HttpError> {
    let mut response = if wants_html(&headers) {
        send("index.html", &headers)?
    } else {
        kserve::v1_live().await.into_response()
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Whether `Accept` names HTML, or is missing.
fn wants_html(headers: &HeaderMap) -> bool {
    let mut accept = headers.get_all(header::ACCEPT).iter();
    headers.get(header::ACCEPT).is_none()
        || accept.any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}

/// `GET /docs`.
pub(super) async fn docs(headers: HeaderMap) -> Result<Response, HttpError> {
    send("docs.html", &headers)
}

/// The file, or 304 if the browser has it already.
fn send(name: &str, request: &HeaderMap) -> Result<Response, HttpError> {
    let no_route = || HttpError::NoRoute { path: format!("/web/{name}") };
    let file = BY_NAME.get(name).ok_or_else(no_route)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, file.etag.clone());
    // Browsers revalidate each time, so that a new server is never used with an old page.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if matches_etag(request, &file.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    Ok((headers, Extension(InProgram), file.bytes).into_response())
}

/// Whether `If-None-Match` has this tag (RFC 9110 §13.1.2). Proxies may have made it a weak tag.
fn matches_etag(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag.as_bytes())
}
