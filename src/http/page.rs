use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::HttpError;
use super::app::AppState;

/// What the page is made of: the name below `/web/`, and the file.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[
            $(($name, include_bytes!(concat!("../../web/", $name)))),*,
            // The server's own colour maps, so that the page paints with the very same.
            ("colormaps.bin", include_bytes!("../render/colormaps.bin")),
        ]
    };
}

const FILES: &[(&str, &[u8])] = files![
    "activations.css",
    "activations.js",
    "api.js",
    "base.css",
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
    "explain.css",
    "explain.js",
    "export.js",
    "grid.js",
    "heatmap.js",
    "icon.svg",
    "index.html",
    "layer-list.css",
    "layer-list.js",
    "layout.css",
    "legacy-address.js",
    "main.js",
    "maps.js",
    "npy.js",
    "picture.css",
    "picture.js",
    "plot.css",
    "predictions.css",
    "predictions.js",
    "progress.js",
    "requests.js",
    "result.css",
    "samples/cat.jpg",
    "samples/cat_and_dog.jpg",
    "samples/coffee.jpg",
    "samples/rocket.jpg",
    "settings.css",
    "settings.js",
    "state.js",
    "tabs.js",
    "theme.css",
    "theme.js",
    "vendor/swagger-ui/LICENSE",
    "vendor/swagger-ui/NOTICE",
    "vendor/swagger-ui/swagger-ui-bundle.js",
    "vendor/swagger-ui/swagger-ui-bundle.js.LICENSE.txt",
    "vendor/swagger-ui/swagger-ui.css",
];

/// The page calls no other host and runs no script but its own; a picture that it makes is a
/// `blob:`, and the icons of the viewer of the reference are `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob: data:; connect-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'";

/// A file as it is sent.
struct File {
    bytes: &'static [u8],
    media_type: &'static str,
    /// Changes with the content.
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

/// `/web/…`: what the pages load. Not part of the API, hence not in `openapi.yaml`.
pub(super) fn files() -> Router<Arc<AppState>> {
    // By the path as it was sent: all names are plain, and an odd one is nobody's.
    let file =
        async |uri: Uri, headers: HeaderMap| send(uri.path().trim_start_matches("/web/"), &headers);
    Router::new().route("/web/{*name}", get(file))
}

/// `GET /`.
pub(super) async fn index(headers: HeaderMap) -> Result<Response, HttpError> {
    send("index.html", &headers)
}

/// `GET /docs`.
pub(super) async fn docs(headers: HeaderMap) -> Result<Response, HttpError> {
    send("docs.html", &headers)
}

/// The file, or that the browser has it already.
fn send(name: &str, asked: &HeaderMap) -> Result<Response, HttpError> {
    let absent = || HttpError::NoRoute { path: format!("/web/{name}") };
    let file = BY_NAME.get(name).ok_or_else(absent)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, file.etag.clone());
    // Ask each time whether it has changed: a new server never meets an old page.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if is_known(asked, &file.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    Ok((headers, file.bytes).into_response())
}

/// Whether `If-None-Match` names this tag (RFC 9110 §13.1.2), also as a weak one, which proxies
/// make of it.
fn is_known(asked: &HeaderMap, etag: &HeaderValue) -> bool {
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = known.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag.as_bytes())
}
