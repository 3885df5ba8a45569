//! Statistics of a layer's channels, and the order in which channels are shown.

use ndarray::{ArrayView2, ArrayView3};
use serde::{Deserialize, Serialize};

/// Statistics of one channel. Mean, standard deviation, minimum and maximum leave out values that
/// are not finite. `not_finite` counts those.
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
    /// Whether the channel is constant over all positions and so shows nothing of the picture. Also
    /// true if no value is finite.
    pub dead: bool,
    /// The number of values that are NaN or infinite.
    pub not_finite: usize,
}

/// The order of channels: largest first, ties by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The order of the model.
    #[default]
    Index,
    /// By mean.
    Mean,
    /// By largest value.
    Max,
    /// By standard deviation.
    Std,
}

/// Statistics of every channel of `layer` (channels × height × width), in float64.
pub fn channel_statistics(layer: ArrayView3<'_, f32>) -> Vec<ChannelStatistics> {
    let shifts: Vec<f64> = layer.outer_iter().map(shift).collect();
    let positions = layer.permuted_axes([1, 2, 0]);
    let sums = match positions.to_slice() {
        Some(values) if shifts.len() > 1 => interleaved_sums(values, &shifts),
        _ => {
            let channels = layer.outer_iter().zip(&shifts);
            channels.map(|(channel, &shift)| channel_sums(channel, shift)).collect()
        }
    };
    let channels = sums.into_iter().zip(layer.outer_iter()).zip(shifts);
    channels.map(|((sums, channel), shift)| sums.statistics(channel, shift)).collect()
}

/// The sums of one channel whose values, or at least those of each row, are contiguous in memory.
fn channel_sums(channel: ArrayView2<'_, f32>, shift: f64) -> Sums {
    let mut lanes = Lanes {
        deviations: [0.0; LANES],
        squares: [0.0; LANES],
        min: [f32::INFINITY; LANES],
        max: [f32::NEG_INFINITY; LANES],
    };
    let mut rest = Sums::default();
    let mut add = |values: &[f32]| {
        let (chunks, last) = values.as_chunks::<LANES>();
        chunks.iter().for_each(|chunk| lanes.add(chunk, &[shift; LANES]));
        last.iter().for_each(|&value| rest.add(value, shift));
    };
    match channel.to_slice() {
        Some(values) => add(values),
        None => channel.rows().into_iter().for_each(|row| match row.to_slice() {
            Some(values) => add(values),
            None => row.iter().for_each(|value| add(std::slice::from_ref(value))),
        }),
    }
    lanes.sums().fold(rest, Sums::merged)
}

/// The sums of all channels. `values` is in the order height × width × channels, so the channels of
/// one position are contiguous.
fn interleaved_sums(values: &[f32], shifts: &[f64]) -> Vec<Sums> {
    let channels = shifts.len();
    let mut lanes = Lanes {
        deviations: vec![0.0; channels],
        squares: vec![0.0; channels],
        min: vec![f32::INFINITY; channels],
        max: vec![f32::NEG_INFINITY; channels],
    };
    values.chunks_exact(channels).for_each(|position| lanes.add(position, shifts));
    lanes.sums().collect()
}

/// The value that deviations are measured from. It is a value of the channel itself, so the
/// variance (mean square minus squared mean) does not suffer from cancellation if the mean is
/// large.
fn shift(channel: ArrayView2<'_, f32>) -> f64 {
    channel.first().filter(|value| value.is_finite()).map_or(0.0, |&value| f64::from(value))
}

/// Indices of the channels to show, sorted by `order`: the first `limit`.
pub fn select(statistics: &[ChannelStatistics], order: Order, limit: Option<usize>) -> Vec<usize> {
    let key = |&i: &usize| match order {
        Order::Index => 0.0,
        Order::Mean => statistics[i].mean,
        Order::Max => f64::from(statistics[i].max),
        Order::Std => statistics[i].std,
    };
    let mut channels: Vec<usize> = (0..statistics.len()).collect();
    channels.sort_by(|a, b| key(b).total_cmp(&key(a)));
    channels.truncate(limit.unwrap_or(usize::MAX));
    channels
}

/// The number of partial sums of a contiguous channel. Additions to different sums do not wait for
/// each other, and this many sums fit into the registers of any processor.
const LANES: usize = 8;

/// Partial sums in arrays, so that the processor adds to several of them with one instruction.
struct Lanes<D, V> {
    deviations: D,
    squares: D,
    min: V,
    max: V,
}

impl<D: AsRef<[f64]> + AsMut<[f64]>, V: AsRef<[f32]> + AsMut<[f32]>> Lanes<D, V> {
    /// Adds one value to each lane.
    #[inline(always)]
    fn add(&mut self, values: &[f32], shifts: &[f64]) {
        let sums = self.deviations.as_mut().iter_mut().zip(self.squares.as_mut());
        for ((&value, shift), (deviations, squares)) in values.iter().zip(shifts).zip(sums) {
            let deviation = f64::from(value) - shift;
            *deviations += deviation;
            *squares += deviation * deviation;
        }
        let bounds = self.min.as_mut().iter_mut().zip(self.max.as_mut());
        for (&value, (min, max)) in values.iter().zip(bounds) {
            *min = if value < *min { value } else { *min };
            *max = if value > *max { value } else { *max };
        }
    }

    fn sums(&self) -> impl Iterator<Item = Sums> {
        let sums = self.deviations.as_ref().iter().zip(self.squares.as_ref());
        let bounds = self.min.as_ref().iter().zip(self.max.as_ref());
        sums.zip(bounds).map(|((&deviations, &squares), (&min, &max))| Sums {
            deviations,
            squares,
            min,
            max,
        })
    }
}

/// The sums of one channel's deviations from its shift and of their squares, and its extremes.
#[derive(Debug, Clone, Copy)]
struct Sums {
    deviations: f64,
    squares: f64,
    min: f32,
    max: f32,
}

impl Default for Sums {
    fn default() -> Self {
        Self { deviations: 0.0, squares: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY }
    }
}

impl Sums {
    fn add(&mut self, value: f32, shift: f64) {
        let deviation = f64::from(value) - shift;
        self.deviations += deviation;
        self.squares += deviation * deviation;
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
    }

    fn merged(self, other: Self) -> Self {
        Self {
            deviations: self.deviations + other.deviations,
            squares: self.squares + other.squares,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// The statistics of `channel`, whose sums these are. A float64 sum of finite float32 values is
    /// finite. If the sum is not finite, only the finite values are added up again.
    fn statistics(self, channel: ArrayView2<'_, f32>, shift: f64) -> ChannelStatistics {
        if self.deviations.is_finite() {
            return self.finish(channel.len(), 0, shift);
        }
        let mut sums = Self::default();
        let mut finite = 0;
        for &value in channel.iter().filter(|value| value.is_finite()) {
            sums.add(value, shift);
            finite += 1;
        }
        sums.finish(finite, channel.len() - finite, shift)
    }

    fn finish(self, finite: usize, not_finite: usize, shift: f64) -> ChannelStatistics {
        let empty = finite == 0;
        let dead = empty || self.min == self.max;
        let offset = self.deviations / finite.max(1) as f64;
        let variance = (self.squares / finite.max(1) as f64 - offset * offset).max(0.0);
        ChannelStatistics {
            mean: if empty { 0.0 } else { shift + offset },
            std: if dead { 0.0 } else { variance.sqrt() },
            min: if empty { 0.0 } else { self.min },
            max: if empty { 0.0 } else { self.max },
            dead,
            not_finite,
        }
    }
}
