use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::RequestId;
use tracing::{Instrument, Span};

use super::app::AppState;
use super::error::{Panicked, complete, problem_code};
use super::routes::PROBES;
use super::trace_context::TraceParent;
use super::trace_export::{self, Answered};
use crate::service::Stages;

/// What is noted of a request whose caller went away before the answer; nginx's number for it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Writes problems out, adds the headers that every answer has, and tells log and metrics about it:
/// one line a request.
pub(super) async fn observe(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let watch = Watch::new(app, &request);
    let response = next.run(request).instrument(watch.span.clone()).await;
    watch.end(response)
}

/// A request under way. Dropped before its end, it tells that the caller went away.
struct Watch {
    app: Arc<AppState>,
    method: Method,
    path: String,
    route: Option<String>,
    id: Option<String>,
    parent: Option<TraceParent>,
    span: Span,
    started: Instant,
    ended: bool,
}

impl Watch {
    fn new(app: Arc<AppState>, request: &Request) -> Self {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let id = request.extensions().get::<RequestId>();
        let id = id.and_then(|id| id.header_value().to_str().ok()).map(str::to_owned);
        let parent = TraceParent::of(request.headers());
        let span = if is_routine(&path) {
            Span::none()
        } else {
            trace_export::span(&method, route, id.as_deref(), parent.as_ref())
        };
        let route = route.map(str::to_owned);
        let started = Instant::now();
        Self { app, method, path, route, id, parent, span, started, ended: false }
    }

    fn end(mut self, mut response: Response) -> Response {
        self.ended = true;
        let span = self.span.clone();
        let _span = span.enter();
        let metrics = &self.app.metrics;
        let code = problem_code(&response);
        if let Some(code) = code {
            metrics.problem(code);
        }
        if response.extensions().get::<Panicked>().is_some() {
            metrics.panicked();
        }
        let stages = response.extensions_mut().remove::<Stages>();
        if let Some(stages) = &stages {
            metrics.stages(stages);
        }
        self.log(response.status().as_u16(), code, response.headers(), stages.as_ref());
        let mut response = complete(response, self.id.clone());
        guard(response.headers_mut());
        response
    }

    fn log(&self, status: u16, code: Option<&str>, headers: &HeaderMap, stages: Option<&Stages>) {
        let took = self.started.elapsed();
        let route = self.route.as_deref().unwrap_or("none");
        self.app.metrics.answered(&self.method, route, status, took);
        let stage = |name: &str| {
            let found = stages.and_then(|stages| stages.iter().find(|(stage, _)| *stage == name));
            found.map(|(_, took)| milliseconds(took))
        };
        let model = headers.get("convscope-model").and_then(|model| model.to_str().ok());
        let parent = self.parent.as_ref();
        let (method, path, started) = (&self.method, self.path.as_str(), self.started);
        let named = self.route.as_deref();
        let answered =
            Answered { method, path, route: named, status, code, model, started, stages };
        answered.tell(&self.span);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method = %method,
                    path,
                    route,
                    status,
                    code,
                    milliseconds = milliseconds(took),
                    id = self.id,
                    trace = parent.map(|parent| parent.trace.as_str()),
                    model,
                    read = stage("read"),
                    queue = stage("queue"),
                    decode = stage("decode"),
                    recall = stage("recall"),
                    forward = stage("forward"),
                    derive = stage("derive"),
                    explain = stage("explain"),
                    backward = stage("backward"),
                    render = stage("render"),
                    encode = stage("encode"),
                    "request"
                )
            };
        }
        let _span = self.span.enter();
        if is_routine(path) {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.app.metrics.cancelled();
            self.log(CLIENT_CLOSED_REQUEST, Some("cancelled"), &HeaderMap::new(), None);
        }
    }
}

/// Balancers and scrapers ask all day long.
fn is_routine(path: &str) -> bool {
    PROBES.contains(&path) || path == "/metrics"
}

/// Rounded to what a log needs.
fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 1e2
}

/// What a page may do that has no policy of its own: nothing from elsewhere, and be in no frame.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; \
                           base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Headers that keep browsers from guessing and pages from being misused.
fn guard(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if media_type.is_some_and(|media_type| media_type.starts_with(b"text/html")) {
        let policy = headers.entry(header::CONTENT_SECURITY_POLICY);
        policy.or_insert(HeaderValue::from_static(PAGE_POLICY));
    }
}
