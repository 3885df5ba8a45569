//! The router with the embedded convnet, in this process.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use convscope::config::{HttpLimits, Limits};
use convscope::http::{AppState, router};
use convscope::runtime::{Engine, WorkerPool};
use convscope::service::{Context, ForwardCache, LoadedModels};
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::ServiceExt;

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let folder = Path::new("no such folder");
    let models = LoadedModels::load(folder, "cats_and_dogs_small_1", &Engine::default()).unwrap();
    let limits = Limits { output_pixels: 1 << 20, ..Limits::default() };
    let forwards = ForwardCache::with_capacity(32 << 20);
    let context = Context { models: models.into(), forwards, limits };
    let workers = WorkerPool::start(1, 4).unwrap();
    router(Arc::new(AppState::new(context, workers, HttpLimits::default())))
});

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap());

/// Splits `bytes` at the first `separator`, which belongs to neither part.
pub fn split_at(bytes: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|&byte| byte == separator).unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

/// Splits off the first line.
pub fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    split_at(bytes, b'\n')
}

/// Sends a request. Panics if the answer is a 5xx, or a 4xx without problem details.
pub fn send(method: &[u8], target: &[u8], headers: &[(&[u8], &[u8])], body: &[u8]) {
    let mut request = Request::builder().method(method).uri(target);
    for &(name, value) in headers {
        request = request.header(name, value.trim_ascii());
    }
    // A request that `http` cannot represent cannot arrive at a server either.
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return };
    let (status, problem, body) = RUNTIME.block_on(async {
        let answer = ROUTER.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let media_type = answer.headers().get("content-type").map(|it| it.as_bytes().to_vec());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        // KServe's protocols have the members of a problem in plain JSON.
        let is_problem = media_type.as_deref().is_some_and(|media_type| {
            [&b"application/problem+json"[..], b"application/json"].contains(&media_type)
        });
        (status, is_problem, body)
    });
    assert!(status < 500, "{status}: {}", String::from_utf8_lossy(&body));
    assert!(status < 400 || problem, "{status} without a problem");
}
