use std::path::Path;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use convscope::config::{DEFAULT_MODEL, HttpLimits, Limits};
use convscope::http::{AppState, router};
use convscope::runtime::{Engine, WorkerPool};
use convscope::service::{Context, ForwardCache, LoadedModels};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::contract::Description;

/// The boundary of every multipart form in these tests.
pub(crate) const BOUNDARY: &str = "2f9c81";
pub(crate) const FORM: &str = "multipart/form-data; boundary=2f9c81";

/// Sends requests to a router without a socket.
pub(crate) struct Client {
    router: Router,
}

/// The state of a server with two workers and `queue` places in its queue.
pub(crate) fn app(models: LoadedModels, queue: usize, http: HttpLimits) -> AppState {
    let (models, forwards) = (models.into(), ForwardCache::with_capacity(0));
    let context = Context { models, forwards, limits: Limits::default() };
    AppState::new(context, WorkerPool::start(2, queue).unwrap(), http)
}

/// The embedded model alone. It is loaded once.
pub(crate) fn embedded() -> LoadedModels {
    static MODELS: OnceLock<LoadedModels> = OnceLock::new();
    let load = || {
        LoadedModels::load(Path::new("no such folder"), DEFAULT_MODEL, &Engine::default()).unwrap()
    };
    MODELS.get_or_init(load).clone()
}

/// An answer with its whole body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("the body is not JSON: {self}"))
    }

    /// The body of an answer with status 200.
    pub(crate) fn file(self) -> Vec<u8> {
        assert_eq!(self.status, 200, "{self}");
        self.body
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.body);
        write!(f, "{}: {}", self.status, text.chars().take(500).collect::<String>())
    }
}

impl Client {
    /// A client of one shared server, whose queue is long enough for all tests at once.
    pub(crate) fn new() -> Self {
        static APP: OnceLock<Arc<AppState>> = OnceLock::new();
        let app = APP.get_or_init(|| Arc::new(app(embedded(), 512, HttpLimits::default())));
        Self::of(Arc::clone(app))
    }

    pub(crate) fn of(app: Arc<AppState>) -> Self {
        Self { router: router(app) }
    }

    pub(crate) fn over(router: Router) -> Self {
        Self { router }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], Vec::new()).await
    }

    /// Posts a picture as the whole body.
    pub(crate) async fn post(&self, path: &str, accept: &str, picture: &[u8]) -> Reply {
        let headers = [("content-type", "image/png"), ("accept", accept)];
        self.send("POST", path, &headers, picture.to_vec()).await
    }

    /// Sends a request and checks the answer against `openapi.yaml`.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let reply = self.send_unchecked(method, path, headers, body).await;
        let violations = violations(method, path, &reply);
        assert!(violations.is_empty(), "{method} {path}: {violations:#?} in {reply}");
        reply
    }

    pub(crate) async fn send_unchecked(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        let headers = headers.collect();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Reply { status, headers, body }
    }
}

/// Whether a header is sent with only some answers of a status.
fn is_conditional(header: &str) -> bool {
    matches!(
        header,
        "retry-after" | "inference-header-content-length" | "convscope-layer" | "convscope-assumed"
    )
}

/// The differences between an answer and its description in `openapi.yaml`.
fn violations(method: &str, path: &str, reply: &Reply) -> Vec<String> {
    let description = Description::get();
    let path = path.split('?').next().unwrap_or_default();
    let Some(operation) = description.operation(method, path) else {
        return vec!["the operation is not described".to_owned()];
    };
    let status = reply.status.to_string();
    let Some(response) = operation.content["responses"].get(&status) else {
        return vec![format!("the status {status} is not described")];
    };
    let response = description.follow(response);
    let mut wrong = Vec::new();
    let described = response["headers"].as_object().into_iter().flatten();
    for (name, _) in described.filter(|(name, _)| !is_conditional(name)) {
        if reply.header(name).is_none() {
            wrong.push(format!("header {name} is described and not sent"));
        }
    }
    for (name, _) in &reply.headers {
        if name.starts_with("convscope-") && response["headers"].get(name).is_none() {
            wrong.push(format!("header {name} is sent and not described"));
        }
    }
    let media_type = reply.header("content-type").unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default();
    match response["content"].get(essence) {
        None => wrong.push(format!("the media type {essence:?} is not described")),
        Some(content) if essence.ends_with("json") => {
            wrong.extend(description.violations(&content["schema"], &reply.json()));
        }
        Some(_) => {}
    }
    wrong
}

/// One part of a form: its name, its file name if any, and its bytes.
pub(crate) type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// The body of a form.
pub(crate) fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file_name, bytes) in parts {
        let file_name = file_name.map(|it| format!("; filename=\"{it}\"")).unwrap_or_default();
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn from_base64(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap()).unwrap()
}
