//! Statistics of a layer's channels, and the order they are shown in.

use ndarray::{ArrayView2, ArrayView3};
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
pub fn channel_statistics(layer: ArrayView3<'_, f32>) -> Vec<ChannelStatistics> {
    let shifts: Vec<f64> = layer.outer_iter().map(shift).collect();
    let positions = layer.permuted_axes([1, 2, 0]);
    let mut sums = vec![Sums::default(); shifts.len()];
    if let Some(values) = positions.to_slice() {
        let mut lanes = Lanes::new(shifts.len());
        values.chunks_exact(shifts.len()).for_each(|values| lanes.add(values, &shifts));
        sums.iter_mut().enumerate().for_each(|(channel, sums)| sums.merge(&lanes, channel));
    } else {
        for ((sums, channel), &shift) in sums.iter_mut().zip(layer.outer_iter()).zip(&shifts) {
            let mut lanes = Lanes::new(LANES);
            for row in channel.rows() {
                match row.to_slice() {
                    Some(row) => row.chunks(LANES).for_each(|row| lanes.add(row, &[shift; LANES])),
                    None => row.iter().for_each(|&value| lanes.add(&[value], &[shift])),
                }
            }
            (0..LANES).for_each(|lane| sums.merge(&lanes, lane));
        }
    }
    let channels = sums.into_iter().zip(layer.outer_iter()).zip(shifts);
    channels.map(|((sums, channel), shift)| sums.statistics(channel, shift)).collect()
}

/// What deviations are taken from: a value of the channel itself, so that the variance, mean square minus squared mean,
/// does not cancel where the mean is large.
fn shift(channel: ArrayView2<'_, f32>) -> f64 {
    channel.first().filter(|value| value.is_finite()).map_or(0.0, |&value| f64::from(value))
}

/// Indices of the channels to show: sorted by `order`, at most `limit`.
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

/// How many sums a channel that lies in one piece is spread over, so that they do not wait for each other.
const LANES: usize = 16;

/// Sums side by side, so that the processor adds to several at once.
struct Lanes {
    deviations: Vec<f64>,
    squares: Vec<f64>,
    min: Vec<f32>,
    max: Vec<f32>,
}

impl Lanes {
    fn new(lanes: usize) -> Self {
        Self {
            deviations: vec![0.0; lanes],
            squares: vec![0.0; lanes],
            min: vec![f32::INFINITY; lanes],
            max: vec![f32::NEG_INFINITY; lanes],
        }
    }

    /// Adds one value to each of the first lanes.
    fn add(&mut self, values: &[f32], shifts: &[f64]) {
        let sums = self.deviations.iter_mut().zip(&mut self.squares);
        for ((&value, shift), (deviations, squares)) in values.iter().zip(shifts).zip(sums) {
            let deviation = f64::from(value) - shift;
            *deviations += deviation;
            *squares += deviation * deviation;
        }
        for (&value, (min, max)) in values.iter().zip(self.min.iter_mut().zip(&mut self.max)) {
            *min = if value < *min { value } else { *min };
            *max = if value > *max { value } else { *max };
        }
    }
}

/// One channel's sums: of deviations from its shift, and of their squares.
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
    fn merge(&mut self, lanes: &Lanes, lane: usize) {
        self.deviations += lanes.deviations[lane];
        self.squares += lanes.squares[lane];
        self.min = self.min.min(lanes.min[lane]);
        self.max = self.max.max(lanes.max[lane]);
    }

    /// The statistics of `channel`, whose sums these are. A float64 sum of finite float32 values is finite; where it is
    /// not, the values that are no numbers are sorted out.
    fn statistics(self, channel: ArrayView2<'_, f32>, shift: f64) -> ChannelStatistics {
        if self.deviations.is_finite() {
            return self.of(channel.len(), 0, shift);
        }
        let mut lanes = Lanes::new(1);
        let mut finite = 0;
        for &value in channel.iter().filter(|value| value.is_finite()) {
            lanes.add(&[value], &[shift]);
            finite += 1;
        }
        let mut sums = Self::default();
        sums.merge(&lanes, 0);
        sums.of(finite, channel.len() - finite, shift)
    }

    fn of(self, finite: usize, not_finite: usize, shift: f64) -> ChannelStatistics {
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
