use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::runtime::Load;
use crate::service::{LoadedModels, Stages};

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// What `GET /metrics` tells. Every label has few values: routes are templates, codes and stages
/// are the program's own; only models are named by the operator.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Durations<RequestLabels>,
    stages: Durations<StageLabel>,
    problems: Family<CodeLabel, Counter>,
    cancelled: Counter,
    panics: Counter,
    pictures: Family<RecallLabel, Counter>,
    reloads: Family<OutcomeLabel, Counter>,
    models: Family<ModelLabels, Gauge>,
    workers: Gauge,
    busy: Gauge,
    queue: Gauge,
    waiting: Gauge,
    memory: Gauge,
    /// Connections that are open.
    pub(super) connections: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: Method,
    route: String,
    status: u16,
}

/// The methods that there are; others are of the caller's invention.
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
struct RecallLabel {
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
            workers: Gauge::default(),
            busy: Gauge::default(),
            queue: Gauge::default(),
            waiting: Gauge::default(),
            memory: Gauge::default(),
            connections: Gauge::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let it = &mut self.registry;
        let seconds = || Unit::Seconds;
        let requests = "Time from a request's headers to its answer";
        it.register_with_unit("http_request_duration", requests, seconds(), self.requests.clone());
        let stages = "Time of one stage of an answer";
        it.register_with_unit("stage_duration", stages, seconds(), self.stages.clone());
        let own = it.sub_registry_with_prefix("convscope");
        own.register("rejected", "Problem answers by their code", self.problems.clone());
        own.register("cancelled", "Requests whose caller went away", self.cancelled.clone());
        own.register("panics", "Work that panicked", self.panics.clone());
        let pictures = "Pictures asked about that were remembered (hit) or not (miss)";
        own.register("picture_cache", pictures, self.pictures.clone());
        own.register("reloads", "Times the models were renewed", self.reloads.clone());
        own.register("model", "Always 1, for its labels", self.models.clone());
        own.register("workers", "Worker threads", self.workers.clone());
        own.register("busy_workers", "Worker threads at work", self.busy.clone());
        own.register("queue_capacity", "Places in the queue", self.queue.clone());
        own.register("queue_depth", "Places in the queue that are taken", self.waiting.clone());
        own.register("connections", "Connections that are open", self.connections.clone());
        let memory = "ForwardCache of the process that is resident";
        it.register_with_unit("process_resident_memory", memory, Unit::Bytes, self.memory.clone());
        self
    }

    /// Notes an answer: who asked for what, how it ended, how long it took.
    pub(super) fn answered(
        &self,
        method: &axum::http::Method,
        route: &str,
        status: u16,
        took: Duration,
    ) {
        let labels = RequestLabels { method: method.into(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Notes where the time went.
    pub(super) fn stages(&self, stages: &Stages) {
        for (stage, took) in stages.iter() {
            self.stages.get_or_create(&StageLabel { stage }).observe(took.as_secs_f64());
            let result = match stage {
                "recall" => "hit",
                "forward" => "miss",
                _ => continue,
            };
            self.pictures.get_or_create(&RecallLabel { result }).inc();
        }
    }

    /// Notes a problem answer.
    pub(super) fn problem(&self, reason: &'static str) {
        self.problems.get_or_create(&CodeLabel { reason }).inc();
    }

    /// Notes a caller who went away.
    pub(super) fn cancelled(&self) {
        self.cancelled.inc();
    }

    /// Notes work that panicked.
    pub(super) fn panicked(&self) {
        self.panics.inc();
    }

    /// Notes how renewing the models went.
    pub(super) fn reloads(&self, went_well: bool) {
        let outcome = if went_well { "complete" } else { "refused" };
        self.reloads.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Everything as OpenMetrics text.
    ///
    /// # Errors
    /// None that is known: a string can always be written to.
    pub(super) fn text(
        &self,
        load: Load,
        library: &LoadedModels,
    ) -> Result<String, std::fmt::Error> {
        let gauges = [
            (&self.workers, load.workers),
            (&self.busy, load.busy),
            (&self.queue, load.queue),
            (&self.waiting, load.waiting),
            (&self.memory, resident_bytes().unwrap_or(0)),
        ];
        for (gauge, value) in gauges {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.models.clear();
        for classifier in library.iter() {
            let settings = classifier.info().settings();
            let [height, width] = settings.recipe.size;
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

/// Where the system tells it.
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
