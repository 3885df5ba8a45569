//! Channels → 8-bit levels, the indices of a colour map.

use ndarray::{Array3, ArrayView2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use super::ChannelStatistics;

/// How a channel's values become levels 0..=255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// Chollet's: minus the channel's mean, divided by its population standard deviation, ·64,
    /// +128, clipped to 0..=255, truncated.
    #[default]
    Standard,
    /// The channel's min..max to 0..=255, as matplotlib's `matshow`: x from 0 to 1 becomes
    /// `int(256·x)`, and 1 becomes 255.
    MinMax,
    /// As `MinMax`, with the min..max of the whole layer, so that channels can be compared.
    Layer,
}

/// Levels of the channels `selection` of `layer` (channels × height × width), in that order.
///
/// `statistics` has an entry for every channel of the layer. A dead channel and NaN have level 0.
///
/// # Panics
///
/// When `selection` has a channel that `layer` or `statistics` does not have.
pub fn levels(
    layer: ArrayView3<'_, f32>,
    statistics: &[ChannelStatistics],
    selection: &[usize],
    normalize: Normalize,
) -> Array3<u8> {
    let (channels, height, width) = layer.dim();
    let bounds = (normalize == Normalize::Layer).then(|| bounds(statistics));
    let scales: Vec<Rescale> =
        selection.iter().map(|&c| Rescale::new(&statistics[c], bounds, normalize)).collect();
    let mut levels = Array3::zeros((selection.len(), height, width));
    let mut transposed = vec![0.0; channels * width];
    // Row by row, so that a layer that is stored as height × width × channels is read once and not
    // once for each channel.
    for (rows, mut out) in layer.axis_iter(Axis(1)).zip(levels.axis_iter_mut(Axis(1))) {
        let rows = channel_major(rows, &mut transposed);
        for ((&c, scale), mut out) in selection.iter().zip(&scales).zip(out.rows_mut()) {
            match (rows.row(c).to_slice(), out.as_slice_mut()) {
                (Some(row), Some(out)) => scale.levels(row, out),
                _ => out.zip_mut_with(&rows.row(c), |out, &value| *out = scale.level(value)),
            }
        }
    }
    levels
}

/// One row of every channel (channels × width) with each channel's values contiguous in memory:
/// `rows` itself, or a copy in `transposed`.
fn channel_major<'r>(rows: ArrayView2<'r, f32>, transposed: &'r mut [f32]) -> ArrayView2<'r, f32> {
    let (channels, width) = rows.dim();
    let Some(values) = rows.t().to_slice().filter(|_| channels > 1) else {
        return rows;
    };
    for (x, values) in values.chunks_exact(channels).enumerate() {
        for (out, &value) in transposed[x..].iter_mut().step_by(width).zip(values) {
            *out = value;
        }
    }
    ArrayView2::from_shape((channels, width), transposed).unwrap_or(rows)
}

/// The function from one channel's values to levels: `(value − offset) / divisor · gain + bias`.
struct Rescale {
    offset: f32,
    divisor: f32,
    gain: f32,
    bias: f32,
}

impl Rescale {
    fn new(channel: &ChannelStatistics, layer: Option<(f32, f32)>, normalize: Normalize) -> Self {
        if channel.dead {
            return Self { offset: 0.0, divisor: 1.0, gain: 0.0, bias: 0.0 };
        }
        let (min, max) = layer.unwrap_or((channel.min, channel.max));
        match normalize {
            Normalize::Standard => Self {
                offset: channel.mean as f32,
                divisor: channel.std as f32,
                gain: 64.0,
                bias: 128.0,
            },
            // matplotlib's `Normalize` and `Colormap.__call__`.
            Normalize::MinMax | Normalize::Layer => {
                Self { offset: min, divisor: max - min, gain: 256.0, bias: 0.0 }
            }
        }
    }

    fn levels(&self, values: &[f32], levels: &mut [u8]) {
        levels.iter_mut().zip(values).for_each(|(level, &value)| *level = self.level(value));
    }

    /// The book's operations, in its order and in float32, then clipped and truncated. NaN is 0.
    fn level(&self, value: f32) -> u8 {
        let level = (value - self.offset) / self.divisor * self.gain + self.bias;
        let above = if level > 0.0 { level } else { 0.0 };
        let level = if above < 255.0 { above } else { 255.0 };
        // Adding 2²³ rounds to a whole number, which is then in the lowest bits. Unlike a cast, the
        // compiler does this to several values at once.
        let rounded = level + WHOLE;
        let too_much = u32::from(rounded - WHOLE > level);
        (rounded.to_bits() - too_much) as u8
    }
}

/// 2²³. Floats of this size are 1 apart.
const WHOLE: f32 = 8_388_608.0;

/// Smallest and largest value of the layer. A channel without a finite value is left out: its
/// bounds are 0 and mean nothing.
fn bounds(statistics: &[ChannelStatistics]) -> (f32, f32) {
    let known = statistics.iter().filter(|s| !(s.dead && s.not_finite > 0));
    known.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), s| (min.min(s.min), max.max(s.max)))
}
