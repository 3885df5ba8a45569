use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use tracing::{Instrument, Span};

use super::app_state::AppState;
use super::outcome::{Outcome, PendingOutcome};
use super::probes::is_probe;
use super::problem::{Cause, Problem};
use super::request_id::request_id;
use super::request_span::{self, MAX_METHOD, SpanAttributes};
use super::trace_context::TraceParent;
use crate::config::truncated;
use crate::service::Stages;

/// The status in the log for a request whose caller went away before the answer. nginx uses the
/// same number.
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// The most characters of a path in the log and in traces.
const MAX_PATH: usize = 256;

/// Middleware: reports each request to the log (one line), the metrics and the trace.
///
/// A request whose answer is a stream is reported when the stream has ended.
pub(super) async fn log_requests(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let mut record = RequestRecord::new(state, &request);
    let mut response = next.run(request).instrument(record.span.clone()).await;
    if let Some(pending) = response.extensions_mut().remove::<PendingOutcome>() {
        record.pending = Some((response.status().as_u16(), pending));
        // The record belongs to the body, and so it is dropped with it.
        return response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _ = &record;
                frame
            }))
        });
    }
    let problem = response.extensions().get::<Problem>();
    let model = response.headers().get("convscope-model");
    let outcome = Outcome {
        stages: response.extensions().get::<Stages>().cloned(),
        model: model.and_then(|model| model.to_str().ok()).map(str::to_owned),
        ..problem.map(Outcome::of_problem).unwrap_or_default()
    };
    record.report(response.status().as_u16(), &outcome);
    response
}

/// A request in progress. If it is dropped while it has no outcome, the caller went away.
struct RequestRecord {
    state: Arc<AppState>,
    method: Method,
    path: String,
    route: Option<String>,
    id: Option<String>,
    /// The name of the API key.
    key: Option<String>,
    parent: Option<TraceParent>,
    span: Span,
    started: Instant,
    is_reported: bool,
    /// The status and the outcome of an answer that is still being sent.
    pending: Option<(u16, PendingOutcome)>,
}

impl RequestRecord {
    fn new(state: Arc<AppState>, request: &Request) -> Self {
        let (method, path) = (request.method().clone(), request.uri().path());
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let id = request_id(request.extensions());
        let key = state.access.key_name(request.headers());
        let parent = TraceParent::from_headers(request.headers());
        let span = if is_routine(path) {
            Span::none()
        } else {
            request_span::new(&method, route, id.as_deref(), parent.as_ref())
        };
        let (path, route) = (truncated(path, MAX_PATH), route.map(str::to_owned));
        let (started, is_reported, pending) = (Instant::now(), false, None);
        Self { state, method, path, route, id, key, parent, span, started, is_reported, pending }
    }

    fn report(&mut self, status: u16, outcome: &Outcome) {
        self.is_reported = true;
        if outcome.cause == Some(Cause::Abort) {
            self.report_cancelled();
            return;
        }
        let metrics = &self.state.metrics;
        if let Some(code) = outcome.code {
            metrics.count_problem(code);
        }
        if outcome.cause == Some(Cause::Panic) {
            metrics.count_panic();
        }
        if let Some(stages) = &outcome.stages {
            metrics.observe_stages(stages);
        }
        self.write(status, outcome);
    }

    fn report_cancelled(&self) {
        self.state.metrics.count_cancelled();
        let outcome = Outcome { code: Some("cancelled"), ..Outcome::default() };
        self.write(CLIENT_CLOSED_REQUEST, &outcome);
    }

    /// Writes the duration, the span and the line of the log.
    fn write(&self, status: u16, outcome: &Outcome) {
        let took = self.started.elapsed();
        let route = self.route.as_deref().unwrap_or("none");
        self.state.metrics.observe_request(&self.method, route, status, took);
        self.record_span(status, outcome);
        let _entered = self.span.enter();
        self.log(status, took, outcome);
    }

    fn record_span(&self, status: u16, outcome: &Outcome) {
        let attributes = SpanAttributes {
            method: &self.method,
            path: &self.path,
            route: self.route.as_deref(),
            status,
            code: outcome.code,
            model: outcome.model.as_deref(),
            started: self.started,
            stages: outcome.stages.as_ref(),
        };
        attributes.record(&self.span);
    }

    fn log(&self, status: u16, took: Duration, outcome: &Outcome) {
        let stage = |name: &str| {
            let found = outcome.stages.as_ref()?.iter().find(|(stage, _)| *stage == name);
            found.map(|(_, took)| milliseconds(took))
        };
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method = truncated(self.method.as_str(), MAX_METHOD),
                    path = self.path,
                    route = self.route.as_deref().unwrap_or("none"),
                    status,
                    code = outcome.code,
                    milliseconds = milliseconds(took),
                    id = self.id,
                    key = self.key,
                    trace = self.parent.as_ref().map(|parent| parent.trace.as_str()),
                    model = outcome.model,
                    read = stage("read"),
                    queue = stage("queue"),
                    decode = stage("decode"),
                    cache = stage("cache"),
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
        if is_routine(&self.path) {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        if self.is_reported {
            return;
        }
        let pending = self.pending.take();
        if let Some((status, outcome)) = &pending
            && let Some(outcome) = outcome.get()
        {
            self.report(*status, outcome);
        } else {
            self.report_cancelled();
        }
    }
}

/// Load balancers and Prometheus send these requests all the time.
fn is_routine(path: &str) -> bool {
    is_probe(path) || path == "/metrics"
}

/// In milliseconds, rounded to hundredths.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 1e2
}
