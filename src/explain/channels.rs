//! Statistics of a layer's channels, and the order they are shown in.

use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};

/// One channel of a layer in numbers. Values that are not finite are left out of the first four and counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChannelStatistics {
    /// Mean over all positions.
    pub mean: f64,
    /// Population standard deviation (divided by n), as numpy's `std`.
    pub std: f64,
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// Constant over all positions: shows nothing of the picture. True also where no value is finite.
    pub dead: bool,
    /// How many values are NaN or infinite.
    pub not_finite: usize,
}

/// What channels are sorted by: largest first, ties by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// As in the model.
    #[default]
    Index,
    /// Mean.
    Mean,
    /// Largest value.
    Max,
    /// Standard deviation.
    Std,
}

/// Statistics of every channel of `layer` (channels × height × width), in float64.
pub fn channel_statistics(_layer: ArrayView3<'_, f32>) -> Vec<ChannelStatistics> {
    Vec::new()
}

/// Indices of the channels to show: sorted by `order`, at most `limit`.
pub fn select(
    _statistics: &[ChannelStatistics],
    _order: Order,
    _limit: Option<usize>,
) -> Vec<usize> {
    Vec::new()
}
