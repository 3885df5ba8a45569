use ndarray::ArrayViewMut3;
use serde::Serialize;

use super::{Measure, Subject};
use crate::attribution::{AttributionError, MethodParameter, Options};
use crate::preprocess::Preprocessing;

/// One published figure. Everything that the service says of a figure comes from its row.
#[derive(Debug)]
pub struct Figure {
    /// What callers type.
    pub name: &'static str,
    /// Its usual name.
    pub title: &'static str,
    /// What it measures, in one sentence.
    pub summary: &'static str,
    /// The address of the paper that defines it.
    pub paper: &'static str,
    /// Its formula.
    pub formula: &'static str,
    /// Which values speak for the map.
    pub better: Better,
    /// Whether it is computed unless the caller names figures.
    pub is_default: bool,
    /// Whether it needs a box around the object.
    pub needs_box: bool,
    /// The figure's own parameters.
    pub parameters: &'static [MethodParameter],
    /// Forward passes for one map.
    pub passes: fn(&Options) -> u64,
    /// Further maps by the same method that it compares.
    pub repetition: Repetition,
    /// The axes of its curves: the horizontal one and the vertical one. None without a curve.
    pub axes: Option<[&'static str; 2]>,
    /// Computes the figure of one map.
    pub run: fn(&Subject, &Options) -> Result<Measure, AttributionError>,
}

/// Which values of a figure speak for a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Large ones.
    Higher,
    /// Small ones.
    Lower,
    /// Neither: the figure describes the map.
    Neither,
}

impl Better {
    /// Whether `value` speaks more for a map than `other`. None where there is no better.
    #[must_use]
    pub fn is_better(self, value: f64, other: f64) -> Option<bool> {
        match self {
            Self::Higher => Some(value > other),
            Self::Lower => Some(value < other),
            Self::Neither => None,
        }
    }
}

/// Changes a copy of the input: the parameters, how a picture becomes the input, the start of the
/// random numbers, the copy's index, the copy.
pub type AlterInput = fn(&Options, &Preprocessing, u64, usize, ArrayViewMut3<'_, f32>);

/// Further maps by the same method that a figure compares.
#[derive(Debug, Clone, Copy)]
pub enum Repetition {
    /// None.
    Once,
    /// The maps of altered inputs.
    AlteredInputs {
        /// Their number.
        count: fn(&Options) -> usize,
        /// How an input is altered.
        alter: AlterInput,
    },
    /// The maps of the network with random weights: this many depths.
    RandomWeights(fn(&Options) -> usize),
}

impl Repetition {
    /// The number of further maps.
    #[must_use]
    pub fn maps(&self, options: &Options) -> usize {
        match self {
            Self::Once => 0,
            Self::AlteredInputs { count, .. } | Self::RandomWeights(count) => count(options),
        }
    }
}
