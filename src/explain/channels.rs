//! Statistics of a layer's channels, and the order they are shown in.

use ndarray::{ArrayView1, ArrayView3, Axis, aview1};
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
    let mut sums: Vec<Sums> =
        layer.axis_iter(Axis(0)).map(|channel| Sums::about(channel.first())).collect();
    // Row by row, so that a layer stored height × width × channels is read once and not once a channel.
    for row in layer.axis_iter(Axis(1)) {
        match row.t().to_slice() {
            Some(values) => Sums::add_interleaved(&mut sums, values),
            None => sums.iter_mut().zip(row.rows()).for_each(|(sums, run)| sums.add(run)),
        }
    }
    sums.iter().map(Sums::statistics).collect()
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

/// What one pass over a channel's values gathers. Deviations are taken from a value of the channel itself, so that the
/// variance, mean square minus squared mean, does not cancel where the mean is large.
#[derive(Debug, Clone, Copy)]
struct Sums {
    shift: f32,
    finite: usize,
    not_finite: usize,
    deviations: f64,
    squares: f64,
    min: f32,
    max: f32,
}

/// Values that are worked on at once: as many as give the processor several independent sums.
const LANES: usize = 8;

impl Sums {
    fn about(first: Option<&f32>) -> Self {
        Self {
            shift: first.copied().filter(|value| value.is_finite()).unwrap_or(0.0),
            finite: 0,
            not_finite: 0,
            deviations: 0.0,
            squares: 0.0,
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
        }
    }

    /// Adds to each channel its values in one row stored width × channels.
    fn add_interleaved(sums: &mut [Self], row: &[f32]) {
        let channels = sums.len();
        let (groups, rest) = sums.as_chunks_mut::<LANES>();
        for (group, sums) in groups.iter_mut().enumerate() {
            let values = &row[group * LANES..];
            let lanes = Lanes::gather(values, channels, sums.each_ref().map(|sums| sums.shift));
            for (lane, sums) in sums.iter_mut().enumerate() {
                sums.merge(&lanes, lane, || values[lane..].iter().step_by(channels));
            }
        }
        for (sums, first) in rest.iter_mut().zip(channels - channels % LANES..) {
            let values = &row[first..];
            let lanes = Lanes::gather(values, channels, [sums.shift]);
            sums.merge(&lanes, 0, || values.iter().step_by(channels));
        }
    }

    /// Adds the values of one row of the channel.
    fn add(&mut self, run: ArrayView1<'_, f32>) {
        let Some(values) = run.to_slice() else {
            return run.iter().for_each(|value| self.add(aview1(std::slice::from_ref(value))));
        };
        let (whole, rest) = values.split_at(values.len() - values.len() % LANES);
        let lanes = Lanes::gather(whole, LANES, [self.shift; LANES]);
        for lane in 0..LANES.min(whole.len()) {
            self.merge(&lanes, lane, || whole[lane..].iter().step_by(LANES));
        }
        let lanes = Lanes::gather(rest, 1, [self.shift]);
        self.merge(&lanes, 0, || rest.iter().step_by(1));
    }

    /// Adds one lane, which was gathered from `values`.
    fn merge<'v, const N: usize>(
        &mut self,
        lanes: &Lanes<N>,
        lane: usize,
        values: impl Fn() -> std::iter::StepBy<std::slice::Iter<'v, f32>>,
    ) {
        // A float64 sum of finite float32 values is finite, so one test tells of the whole run.
        if lanes.deviations[lane].is_finite() {
            self.finite += values().len();
            self.deviations += lanes.deviations[lane];
            self.squares += lanes.squares[lane];
            self.min = self.min.min(lanes.min[lane]);
            self.max = self.max.max(lanes.max[lane]);
            return;
        }
        for &value in values() {
            if value.is_finite() {
                let deviation = f64::from(value) - f64::from(self.shift);
                self.finite += 1;
                self.deviations += deviation;
                self.squares += deviation * deviation;
                self.min = self.min.min(value);
                self.max = self.max.max(value);
            } else {
                self.not_finite += 1;
            }
        }
    }

    fn statistics(&self) -> ChannelStatistics {
        let empty = self.finite == 0;
        let dead = empty || self.min == self.max;
        let count = self.finite.max(1) as f64;
        let offset = self.deviations / count;
        let variance = (self.squares / count - offset * offset).max(0.0);
        ChannelStatistics {
            mean: if empty { 0.0 } else { f64::from(self.shift) + offset },
            std: if dead { 0.0 } else { variance.sqrt() },
            min: if empty { 0.0 } else { self.min },
            max: if empty { 0.0 } else { self.max },
            dead,
            not_finite: self.not_finite,
        }
    }
}

/// Sums of N interleaved runs of values.
struct Lanes<const N: usize> {
    deviations: [f64; N],
    squares: [f64; N],
    min: [f32; N],
    max: [f32; N],
}

impl<const N: usize> Lanes<N> {
    /// Of every `step` values the first N, one a lane.
    fn gather(values: &[f32], step: usize, shift: [f32; N]) -> Self {
        let mut lanes = Self {
            deviations: [0.0; N],
            squares: [0.0; N],
            min: [f32::INFINITY; N],
            max: [f32::NEG_INFINITY; N],
        };
        let shift = shift.map(f64::from);
        for values in values.chunks(step).filter_map(<[f32]>::first_chunk::<N>) {
            for lane in 0..N {
                let value = values[lane];
                let deviation = f64::from(value) - shift[lane];
                lanes.deviations[lane] += deviation;
                lanes.squares[lane] += deviation * deviation;
                lanes.min[lane] = if value < lanes.min[lane] { value } else { lanes.min[lane] };
                lanes.max[lane] = if value > lanes.max[lane] { value } else { lanes.max[lane] };
            }
        }
        lanes
    }
}
