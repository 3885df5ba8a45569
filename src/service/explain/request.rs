use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attribution::{Fuse, Method, Options, Sign};
use crate::explain::Score;
use crate::onnx::Layer;
use crate::render::HeatmapOptions;
use crate::service::Classifier;

/// A checked request for maps: one for each method and class.
#[derive(Debug, Clone)]
pub struct Explain {
    pub(in crate::service) classifier: Arc<Classifier>,
    /// The layers that are explained. Empty where no method reads one.
    pub(in crate::service) layers: Vec<Layer>,
    /// How the maps of several layers become one. None where each is shown.
    pub(in crate::service) fuse: Option<Fuse>,
    pub(in crate::service) methods: Vec<ChosenMethod>,
    pub(super) classes: Vec<usize>,
    pub(super) top: usize,
    pub(in crate::service) score: Score,
    pub(super) sign: Option<Sign>,
    pub(super) percentile: Option<f64>,
    pub(super) scale: Scale,
    pub(super) drawing: HeatmapOptions,
    /// Whether each map has a colour bar.
    pub(super) colorbar: bool,
    /// The most bytes of the answer.
    pub(in crate::service) max_bytes: u64,
}

/// A method, and the values of its own parameters.
#[derive(Debug, Clone)]
pub(in crate::service) struct ChosenMethod {
    pub(in crate::service) method: &'static Method,
    pub(in crate::service) options: Options,
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
