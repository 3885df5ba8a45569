//! The span of a request in exported traces. Names are those of OpenTelemetry's conventions for
//! HTTP servers (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).

use std::time::Instant;

use axum::http::Method;
use tracing::Span;

use super::trace_context::TraceParent;
use crate::config::truncated;
use crate::service::Stages;

/// The most characters of a method. A caller may make up its own.
pub(super) const MAX_METHOD: usize = 32;

/// What a span tells of a request that has ended.
#[derive(Debug)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only exported spans read it"))]
pub(super) struct SpanAttributes<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) route: Option<&'a str>,
    pub(super) status: u16,
    pub(super) code: Option<&'a str>,
    pub(super) model: Option<&'a str>,
    pub(super) started: Instant,
    pub(super) stages: Option<&'a Stages>,
}

/// A span for a request, a child of the caller's span.
pub(super) fn new(
    method: &Method,
    route: Option<&str>,
    id: Option<&str>,
    parent: Option<&TraceParent>,
) -> Span {
    let method = truncated(method.as_str(), MAX_METHOD);
    let name = match route {
        Some(route) => format!("{method} {route}"),
        None => method,
    };
    let trace = parent.map(|parent| parent.trace.as_str());
    let kind = cfg!(feature = "otlp").then_some("server");
    let span = tracing::info_span!("request", otel.name = name, otel.kind = kind, id, trace);
    if let Some(parent) = parent {
        parent.set_as_parent_of(&span);
    }
    span
}

impl SpanAttributes<'_> {
    /// Does nothing: this build exports no traces.
    #[cfg(not(feature = "otlp"))]
    #[expect(clippy::unused_self, reason = "the build with the feature otlp needs it")]
    pub(super) fn record(&self, _: &Span) {}

    /// Sets attributes and status of `span`, and adds a child span for each stage.
    #[cfg(feature = "otlp")]
    pub(super) fn record(&self, span: &Span) {
        use opentelemetry::trace::Status;
        use tracing_opentelemetry::OpenTelemetrySpanExt;
        span.set_attribute("http.request.method", truncated(self.method.as_str(), MAX_METHOD));
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
        // By the conventions, a caller's mistake (4xx) is not an error of the server's span.
        if self.status >= 500 {
            let kind = self.code.map_or_else(|| self.status.to_string(), str::to_owned);
            span.set_attribute("error.type", kind.clone());
            span.set_status(Status::error(kind));
        }
        self.record_stages(&span.context());
    }

    /// Stages follow each other without gaps, and the last one has just ended.
    #[cfg(feature = "otlp")]
    fn record_stages(&self, parent: &opentelemetry::Context) {
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
