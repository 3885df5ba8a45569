//! The span of a request, and what is told of it where traces are exported: names as
//! OpenTelemetry's conventions for HTTP servers have them
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).

use std::time::Instant;

use axum::http::Method;
use tracing::Span;

use super::trace_context::TraceParent;
use crate::service::Stages;

/// A request that has been answered, or whose caller has gone.
#[derive(Debug)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only an exported span tells it"))]
pub(super) struct Answered<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) route: Option<&'a str>,
    pub(super) status: u16,
    pub(super) code: Option<&'a str>,
    pub(super) model: Option<&'a str>,
    pub(super) started: Instant,
    pub(super) stages: Option<&'a Stages>,
}

/// The span of a request, a child of the caller's.
pub(super) fn span(
    method: &Method,
    route: Option<&str>,
    id: Option<&str>,
    parent: Option<&TraceParent>,
) -> Span {
    let name = match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_string(),
    };
    let trace = parent.map(|parent| parent.trace.as_str());
    let kind = cfg!(feature = "otlp").then_some("server");
    let span = tracing::info_span!("request", otel.name = name, otel.kind = kind, id, trace);
    if let Some(parent) = parent {
        parent.adopt(&span);
    }
    span
}

impl Answered<'_> {
    /// Nothing, where no traces are exported.
    #[cfg(not(feature = "otlp"))]
    #[expect(clippy::unused_self, reason = "the other build needs it")]
    pub(super) fn tell(&self, _: &Span) {}

    /// Attributes and the status of `span`, and a child of it for every stage.
    #[cfg(feature = "otlp")]
    pub(super) fn tell(&self, span: &Span) {
        use opentelemetry::trace::Status;
        use tracing_opentelemetry::OpenTelemetrySpanExt;
        span.set_attribute("http.request.method", self.method.to_string());
        span.set_attribute("url.path", self.path.to_owned());
        span.set_attribute("http.response.status_code", i64::from(self.status));
        let texts = [
            ("http.route", self.route),
            ("convscope.code", self.code),
            ("convscope.model", self.model),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                span.set_attribute(name, text.to_owned());
            }
        }
        // What the caller got wrong is no error of the server's.
        if self.status >= 500 {
            let kind = self.code.map_or_else(|| self.status.to_string(), str::to_owned);
            span.set_attribute("error.type", kind.clone());
            span.set_status(Status::error(kind));
        }
        self.tell_stages(&span.context());
    }

    /// The stages followed each other; the last has just ended.
    #[cfg(feature = "otlp")]
    fn tell_stages(&self, parent: &opentelemetry::Context) {
        use opentelemetry::global;
        use opentelemetry::trace::{Span, Tracer};
        use std::time::{Duration, SystemTime};
        let Some(stages) = self.stages else { return };
        let tracer = global::tracer(env!("CARGO_PKG_NAME"));
        let total: Duration = stages.iter().map(|(_, took)| took).sum();
        let mut begin = SystemTime::now() - total.min(self.started.elapsed());
        for (name, took) in stages.iter() {
            let end = begin + took;
            let span = tracer.span_builder(name).with_start_time(begin);
            tracer.build_with_context(span, parent).end_with_timestamp(end);
            begin = end;
        }
    }
}
