use std::env::consts::{ARCH, OS};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::process_metrics::ProcessMetrics;
use crate::runtime::Load;
use crate::service::{LoadedModels, Stages};

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of `GET /metrics`. Every label has few values, so that no caller can create time
/// series: routes are templates, and codes and stages come from this program. Only the names of
/// models come from the operator.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Durations<RequestLabels>,
    stages: Durations<StageLabel>,
    problems: Family<CodeLabel, Counter>,
    cancelled: Counter,
    panics: Counter,
    pictures: Family<CacheLabel, Counter>,
    reloads: Family<OutcomeLabel, Counter>,
    models: Family<ModelLabels, Gauge>,
    models_refused: Gauge,
    workers: Gauge,
    busy: Gauge,
    queue: Gauge,
    waiting: Gauge,
    unread: Gauge,
    stuck: Gauge,
    kept: Gauge,
    last_reload: Gauge<f64, AtomicU64>,
    /// Open connections.
    pub(super) connections: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: Method,
    route: String,
    status: u16,
}

/// The methods that routes have. Every other method of a caller is counted as `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Method {
    Get,
    Head,
    Post,
    Options,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: String,
    input: String,
    classes: u64,
}

impl EncodeLabelValue for Method {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let name = match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Options => "OPTIONS",
            Self::Other => "other",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

impl From<&axum::http::Method> for Method {
    fn from(method: &axum::http::Method) -> Self {
        match method.as_str() {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

fn request_durations() -> Histogram {
    Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}

fn stage_durations() -> Histogram {
    Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::new_with_constructor(request_durations),
            stages: Family::new_with_constructor(stage_durations),
            problems: Family::default(),
            cancelled: Counter::default(),
            panics: Counter::default(),
            pictures: Family::default(),
            reloads: Family::default(),
            models: Family::default(),
            models_refused: Gauge::default(),
            workers: Gauge::default(),
            busy: Gauge::default(),
            queue: Gauge::default(),
            waiting: Gauge::default(),
            unread: Gauge::default(),
            stuck: Gauge::default(),
            kept: Gauge::default(),
            last_reload: Gauge::default(),
            connections: Gauge::default(),
        };
        metrics.register()
    }
}

impl Metrics {
    fn register(mut self) -> Self {
        let registry = &mut self.registry;
        let (requests, stages) = (self.requests.clone(), self.stages.clone());
        let help = "Time from the headers of a request to its answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, requests);
        let help = "Time of one stage of an answer";
        registry.register_with_unit("stage_duration", help, Unit::Seconds, stages);
        let own = registry.sub_registry_with_prefix("convscope");
        own.register("rejected", "Problem answers by code", self.problems.clone());
        own.register("cancelled", "Requests whose caller went away", self.cancelled.clone());
        own.register("panics", "Computations that panicked", self.panics.clone());
        let help = "Requests whose picture was in the cache (hit) or not (miss)";
        own.register("picture_cache", help, self.pictures.clone());
        own.register("reloads", "Reloads of the models by outcome", self.reloads.clone());
        own.register("model", "Always 1; the labels describe the model", self.models.clone());
        let help = "Models that could not be loaded";
        own.register("models_refused", help, self.models_refused.clone());
        own.register("workers", "Worker threads", self.workers.clone());
        own.register("busy_workers", "Worker threads that are computing", self.busy.clone());
        own.register("queue_capacity", "Size of the queue", self.queue.clone());
        own.register("queue_depth", "Requests in the queue", self.waiting.clone());
        own.register("connections", "Open connections", self.connections.clone());
        let help = "Workers that still run after the deadline of their request";
        own.register("stuck_workers", help, self.stuck.clone());
        let help = "Finished answers that clients have not read yet";
        own.register_with_unit("unread", help, Unit::Bytes, self.unread.clone());
        let help = "Models whose files are refused, so that an older version is in use";
        own.register("models_kept", help, self.kept.clone());
        let (help, last) = ("Time of the last complete load of the models", &self.last_reload);
        own.register_with_unit("last_reload_success_timestamp", help, Unit::Seconds, last.clone());
        let build = vec![("version", env!("CARGO_PKG_VERSION")), ("arch", ARCH), ("os", OS)];
        own.register("build", "The version of the program", Info::new(build));
        registry.register_collector(Box::new(ProcessMetrics));
        self
    }

    /// Counts an answer and observes how long it took.
    pub(super) fn observe_request(
        &self,
        method: &axum::http::Method,
        route: &str,
        status: u16,
        took: Duration,
    ) {
        let labels = RequestLabels { method: method.into(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Observes the time of each stage, and counts whether the picture was in the cache.
    pub(super) fn observe_stages(&self, stages: &Stages) {
        for (stage, took) in stages.iter() {
            self.stages.get_or_create(&StageLabel { stage }).observe(took.as_secs_f64());
            let result = match stage {
                "cache" => "hit",
                "forward" => "miss",
                _ => continue,
            };
            self.pictures.get_or_create(&CacheLabel { result }).inc();
        }
    }

    /// Counts a problem answer.
    pub(super) fn count_problem(&self, reason: &'static str) {
        self.problems.get_or_create(&CodeLabel { reason }).inc();
    }

    /// Counts a request whose caller went away.
    pub(super) fn count_cancelled(&self) {
        self.cancelled.inc();
    }

    /// Counts a computation that panicked.
    pub(super) fn count_panic(&self) {
        self.panics.inc();
    }

    /// Notes that all models have been loaded now.
    pub(super) fn models_are_loaded(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_reload.set(now.as_secs_f64());
    }

    /// Counts a reload of the models.
    pub(super) fn count_reload(&self, is_complete: bool) {
        if is_complete {
            self.models_are_loaded();
        }
        let outcome = if is_complete { "complete" } else { "refused" };
        self.reloads.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// All metrics as OpenMetrics text.
    ///
    /// # Errors
    /// None is known: writing to a string does not fail.
    pub(super) fn encode(
        &self,
        load: Load,
        unread_bytes: u64,
        models: &LoadedModels,
    ) -> Result<String, std::fmt::Error> {
        let gauges = [
            (&self.workers, load.workers),
            (&self.busy, load.busy),
            (&self.queue, load.queue),
            (&self.waiting, load.waiting),
            (&self.stuck, load.stuck),
            (&self.unread, usize::try_from(unread_bytes).unwrap_or(usize::MAX)),
            (&self.kept, models.kept().count()),
            (&self.models_refused, models.refused().len()),
        ];
        for (gauge, value) in gauges {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.models.clear();
        for classifier in models.iter() {
            let settings = classifier.info().settings();
            let [height, width] = settings.preprocessing.size;
            let labels = ModelLabels {
                model: classifier.name().to_owned(),
                input: format!("{height}x{width}"),
                classes: settings.classes as u64,
            };
            self.models.get_or_create(&labels).set(1);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
