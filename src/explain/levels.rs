//! Channels → 8-bit levels, as a colour map takes them.

use ndarray::{Array3, ArrayView3, Axis};
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
    statistics: &[ChannelStatistics],
    selection: &[usize],
    normalize: Normalize,
) -> Array3<u8> {
    let (_, height, width) = layer.dim();
    let bounds = (normalize == Normalize::Layer).then(|| bounds(statistics));
    let scales: Vec<Scale> =
        selection.iter().map(|&c| Scale::new(&statistics[c], bounds, normalize)).collect();
    let mut levels = Array3::zeros((selection.len(), height, width));
    // Row by row, so that a layer stored height × width × channels is read once and not once a channel.
    for y in 0..height {
        let rows = layer.index_axis(Axis(1), y);
        let mut out = levels.index_axis_mut(Axis(1), y);
        for ((&c, scale), mut out) in selection.iter().zip(&scales).zip(out.axis_iter_mut(Axis(0)))
        {
            let row = rows.index_axis(Axis(0), c);
            match *scale {
                Scale::Dead => {}
                // The book's operations in its order and in float32; `as` truncates, clips, and makes NaN 0.
                Scale::Standard { mean, std } => {
                    out.zip_mut_with(&row, |out, v| *out = ((v - mean) / std * 64.0 + 128.0) as u8);
                }
                // matplotlib's `Normalize` and `Colormap.__call__`.
                Scale::Range { min, range } => {
                    out.zip_mut_with(&row, |out, v| *out = ((v - min) / range * 256.0) as u8);
                }
            }
        }
    }
    levels
}

/// What turns one channel's values into levels.
enum Scale {
    Dead,
    Standard { mean: f32, std: f32 },
    Range { min: f32, range: f32 },
}

impl Scale {
    fn new(channel: &ChannelStatistics, layer: Option<(f32, f32)>, normalize: Normalize) -> Self {
        if channel.dead {
            return Self::Dead;
        }
        let (min, max) = layer.unwrap_or((channel.min, channel.max));
        match normalize {
            Normalize::Standard => {
                Self::Standard { mean: channel.mean as f32, std: channel.std as f32 }
            }
            Normalize::MinMax | Normalize::Layer => Self::Range { min, range: max - min },
        }
    }
}

/// Smallest and largest value of the layer. Of a channel without a finite value both are 0 and mean nothing.
fn bounds(statistics: &[ChannelStatistics]) -> (f32, f32) {
    let known = statistics.iter().filter(|s| !(s.dead && s.not_finite > 0));
    known.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), s| (min.min(s.min), max.max(s.max)))
}
