use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attribution::{Method, Sign};
use crate::config::Parameters;
use crate::explain::Score;
use crate::onnx::Layer;
use crate::render::HeatmapOptions;
use crate::service::Classifier;

/// A checked request for the maps of one layer: one for each method and class.
#[derive(Debug, Clone)]
pub struct Explain {
    pub(super) classifier: Arc<Classifier>,
    pub(super) layer: Layer,
    pub(super) methods: Vec<&'static Method>,
    /// The request's parameters, of which each method reads its own.
    pub(super) options: Parameters,
    pub(super) classes: Vec<usize>,
    pub(super) top: usize,
    pub(super) score: Score,
    pub(super) sign: Option<Sign>,
    pub(super) percentile: Option<f64>,
    pub(super) scale: Scale,
    pub(super) drawing: HeatmapOptions,
    /// The most bytes of the answer.
    pub(super) max_bytes: u64,
}

/// How maps are scaled before they are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scale {
    /// Each by its own maximum.
    #[default]
    Own,
    /// All by the largest maximum.
    Shared,
}
