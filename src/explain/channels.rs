//! Statistics of a layer's channels, and the order they are shown in.

use ndarray::{ArrayView1, ArrayView3, Axis};
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
    let mut sums = vec![Sums::default(); layer.dim().0];
    // Row by row, so that a layer stored height × width × channels is read once and not once a channel.
    for y in 0..layer.dim().1 {
        for (sums, row) in sums.iter_mut().zip(layer.index_axis(Axis(1), y).axis_iter(Axis(0))) {
            sums.add(row);
        }
    }
    let mut squares = vec![0.0; sums.len()];
    for y in 0..layer.dim().1 {
        let rows = layer.index_axis(Axis(1), y);
        for ((square, sums), row) in squares.iter_mut().zip(&sums).zip(rows.axis_iter(Axis(0))) {
            *square += sums.squares(row);
        }
    }
    sums.iter().zip(squares).map(|(sums, square)| sums.statistics(square)).collect()
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

/// What one pass over a channel's values gathers.
#[derive(Debug, Clone, Copy)]
struct Sums {
    finite: usize,
    not_finite: usize,
    sum: f64,
    min: f32,
    max: f32,
}

impl Default for Sums {
    fn default() -> Self {
        Self { finite: 0, not_finite: 0, sum: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY }
    }
}

impl Sums {
    fn add(&mut self, row: ArrayView1<'_, f32>) {
        let mut sum = 0.0;
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        for &value in row {
            sum += f64::from(value);
            min = min.min(value);
            max = max.max(value);
        }
        // A float64 sum of finite float32 values is finite, so one test tells of the whole row.
        if sum.is_finite() {
            self.finite += row.len();
            self.sum += sum;
            self.min = self.min.min(min);
            self.max = self.max.max(max);
            return;
        }
        for &value in row {
            if value.is_finite() {
                self.finite += 1;
                self.sum += f64::from(value);
                self.min = self.min.min(value);
                self.max = self.max.max(value);
            } else {
                self.not_finite += 1;
            }
        }
    }

    fn mean(&self) -> f64 {
        if self.finite == 0 { 0.0 } else { self.sum / self.finite as f64 }
    }

    /// Squared deviations from the mean.
    fn squares(&self, row: ArrayView1<'_, f32>) -> f64 {
        let mean = self.mean();
        let square = |&value: &f32| (f64::from(value) - mean) * (f64::from(value) - mean);
        if self.not_finite == 0 {
            row.iter().map(square).sum()
        } else {
            row.iter().filter(|value| value.is_finite()).map(square).sum()
        }
    }

    fn statistics(&self, squares: f64) -> ChannelStatistics {
        let empty = self.finite == 0;
        let dead = empty || self.min == self.max;
        ChannelStatistics {
            mean: self.mean(),
            std: if dead { 0.0 } else { (squares / self.finite as f64).sqrt() },
            min: if empty { 0.0 } else { self.min },
            max: if empty { 0.0 } else { self.max },
            dead,
            not_finite: self.not_finite,
        }
    }
}
