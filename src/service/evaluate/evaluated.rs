use std::sync::Arc;

use ndarray::Array2;

use crate::attribution::Map;
use crate::evaluation::{Control, Figure, Measure, PixelBox, rank_correlation};
use crate::service::explain::ClassMap;
use crate::service::{CachedForward, ClassScore};

/// The figures of all maps, and the forward pass that they explain.
#[derive(Debug)]
pub struct Evaluation {
    pub(in crate::service) forward: Arc<CachedForward>,
    pub(in crate::service) classes: Vec<ClassEvaluation>,
    /// The box at the input's pixels.
    pub(in crate::service) bounds: Option<PixelBox>,
    /// Passes through the network that the answer took.
    pub(in crate::service) passes: u64,
}

/// The figures of the maps of one class.
#[derive(Debug)]
pub(in crate::service) struct ClassEvaluation {
    pub(in crate::service) score: ClassScore,
    pub(in crate::service) maps: Vec<EvaluatedMap>,
    pub(in crate::service) controls: Vec<EvaluatedControl>,
}

/// A figure of one map.
pub(in crate::service) type Measured = (&'static Figure, Measure);

/// The figures of one map.
#[derive(Debug)]
pub(in crate::service) struct EvaluatedMap {
    pub(in crate::service) map: ClassMap,
    /// The evidence at the input's pixels.
    pub(in crate::service) pixels: Array2<f32>,
    pub(in crate::service) measures: Vec<Measured>,
}

/// The figures of a map that knows nothing of the network.
#[derive(Debug)]
pub(in crate::service) struct EvaluatedControl {
    pub(in crate::service) control: Control,
    /// Height and width of the map.
    pub(in crate::service) size: (usize, usize),
    pub(in crate::service) measures: Vec<Measured>,
}

impl EvaluatedControl {
    /// Whether a map is compared with this control: a random map of the same size, or a Gaussian.
    pub(in crate::service) fn is_for(&self, map: &EvaluatedMap) -> bool {
        self.control == Control::Gaussian || self.size == map.map.map.values.dim()
    }

    /// Its name among others.
    pub(in crate::service) fn title(&self) -> String {
        match self.control {
            Control::Random => {
                format!("{}, {} × {}", self.control.title(), self.size.0, self.size.1)
            }
            Control::Gaussian => self.control.title().to_owned(),
        }
    }
}

impl ClassEvaluation {
    /// The controls than which `map` is better by the figure at `index`. None where the figure has
    /// no better, or is not defined.
    pub(in crate::service) fn better_than(
        &self,
        map: &EvaluatedMap,
        index: usize,
    ) -> Option<Vec<&'static str>> {
        let (figure, measure) = map.measures.get(index)?;
        let value = measure.value?;
        let mut names = Vec::new();
        for control in self.controls.iter().filter(|control| control.is_for(map)) {
            let Some(other) = control.measures.get(index).and_then(|(_, it)| it.value) else {
                continue;
            };
            if figure.better.is_better(value, other)? {
                names.push(control.control.name());
            }
        }
        Some(names)
    }

    /// The rank correlation of each pair of maps at the input's pixels. None where a map is the
    /// same everywhere.
    pub(in crate::service) fn agreement(&self) -> Vec<Vec<Option<f64>>> {
        let pair = |a: &EvaluatedMap, b: &EvaluatedMap| rank_correlation(&a.pixels, &b.pixels);
        let row = |a| self.maps.iter().map(|b| pair(a, b)).collect();
        self.maps.iter().map(row).collect()
    }
}

impl Evaluation {
    /// What each class gives, separated by commas.
    pub(super) fn list(&self, of: impl Fn(&ClassEvaluation) -> String) -> String {
        self.classes.iter().map(of).collect::<Vec<_>>().join(",")
    }

    /// The figures of the maps in a few words.
    pub(super) fn summary(&self) -> String {
        let mut parts = Vec::new();
        for class in &self.classes {
            for one in &class.maps {
                let values = one.measures.iter().filter_map(|(figure, measure)| {
                    Some(format!("{} {:.3}", figure.name, measure.value?))
                });
                let values = values.collect::<Vec<_>>().join(", ");
                let (label, score) = (class.score.label(), class.score.score());
                parts.push(format!("{label} {score}: {}: {values}", one.map.method.name));
            }
        }
        parts.join("; ")
    }
}

/// The name of a map among others: the method, and the layer where there are several.
pub(super) fn map_title(one: &ClassMap, several_layers: bool) -> String {
    match one.only_layer().filter(|_| several_layers) {
        Some(layer) => format!("{}, {layer}", one.method.title),
        None => one.method.title.to_owned(),
    }
}

/// The evidence that a map shows: zero is none, and values that are not finite are zero.
pub(super) fn evidence(map: &Map) -> Array2<f32> {
    let shown = |&value: &f32| value - map.offset;
    map.values.map(|value| Some(shown(value)).filter(|it| it.is_finite()).unwrap_or_default())
}
