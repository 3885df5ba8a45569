use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

/// Which evidence is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// Evidence for the class.
    Positive,
    /// Evidence against the class: the map negated.
    Negative,
    /// Both, by a diverging colour map with zero in the middle.
    Both,
}

/// What a method gives: how much evidence for the class each position has.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Height × width, signed, as the paper defines the map before ReLU, scaling and resizing.
    /// Times e to the power of `ln_scale`, they are in units of the score.
    pub values: Array2<f32>,
    /// None where it is the seed's, which the gradient came from.
    pub ln_scale: Option<f64>,
    /// The value that the picture shows as nothing.
    pub offset: f32,
    /// The attributions of the input's channels, channels × height × width, in the unit of
    /// `values`.
    pub channels: Option<Array3<f32>>,
    /// How far the map is from what its sum should be.
    pub completeness: Option<Completeness>,
    /// The altered inputs of which the map was made, where the method chooses their number.
    pub samples: Option<usize>,
    /// The standard error of the map in units of the score, as the root mean square over all
    /// positions.
    pub standard_error: Option<f64>,
    /// The start of the random numbers.
    pub seed: Option<u64>,
}

/// Whether a map adds up to the difference of the score that it explains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Completeness {
    /// The sum of the map.
    pub sum: f64,
    /// The score of the picture less that of the baseline.
    pub difference: f64,
    /// What the sum lacks of the difference.
    pub residue: f64,
}

impl Completeness {
    /// That of a map with this sum.
    #[must_use]
    pub fn of(sum: f64, difference: f64) -> Self {
        Self { sum, difference, residue: difference - sum }
    }
}

/// Magnitudes that float32 holds without loss.
const HELD: std::ops::RangeInclusive<f64> = 1e-30..=1e30;

impl Map {
    /// A map of these values, in units of the seed.
    #[must_use]
    pub fn new(values: Array2<f32>) -> Self {
        Self {
            values,
            ln_scale: None,
            offset: 0.0,
            channels: None,
            completeness: None,
            samples: None,
            standard_error: None,
            seed: None,
        }
    }

    /// A map of these values, in units of the score.
    #[must_use]
    pub fn of_score(values: &Array2<f64>) -> Self {
        let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        let ln_scale = Self::ln_scale_of(largest);
        let values = values.mapv(|value| (value / ln_scale.exp()) as f32);
        Self { ln_scale: Some(ln_scale), ..Self::new(values) }
    }

    /// The same map, of which the picture shows `score`, in units of the score, as nothing.
    #[must_use]
    pub fn without(self, score: f64) -> Self {
        Self { offset: (score / self.ln_scale.unwrap_or(0.0).exp()) as f32, ..self }
    }

    /// ln of the factor by which values in units of the score are divided, so that float32 holds
    /// them. It is 0 unless the largest value is extreme, as with a probability that is nearly 1.
    #[must_use]
    pub fn ln_scale_of(largest: f64) -> f64 {
        if largest == 0.0 || HELD.contains(&largest) { 0.0 } else { largest.ln() }
    }

    /// The smallest and the largest finite value. Both are 0 where none is finite.
    #[must_use]
    pub fn bounds(&self) -> (f32, f32) {
        let finite = self.values.iter().copied().filter(|value| value.is_finite());
        let bounds = finite.fold(None, |bounds: Option<(f32, f32)>, value| {
            let (min, max) = bounds.unwrap_or((value, value));
            Some((min.min(value), max.max(value)))
        });
        bounds.unwrap_or_default()
    }

    /// The map with every value negated: the evidence against the class.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self {
            values: self.values.mapv(|value| -value),
            offset: -self.offset,
            channels: self.channels.as_ref().map(|channels| channels.mapv(|value| -value)),
            ..self.clone()
        }
    }

    /// The magnitude that takes the strongest colour, as `vmax` in matplotlib. If `signed`, it is
    /// the percentile `percentile` of all magnitudes. Otherwise it is that of the positive values,
    /// and the other values count as zero. The rank is rounded up. A percentile of 100 is the
    /// maximum. If the percentile is zero, the maximum is returned. It is zero where nothing is
    /// shown.
    #[must_use]
    pub fn vmax(&self, signed: bool, percentile: f64) -> f32 {
        let shown = |&value: &f32| shown(value - self.offset, signed);
        let magnitudes = self.values.iter().map(|value| shown(value).abs());
        let mut magnitudes: Vec<f32> = magnitudes.collect();
        let Some(last) = magnitudes.len().checked_sub(1) else { return 0.0 };
        let rank = (percentile / 100.0 * last as f64).ceil() as usize;
        let (_, &mut vmax, _) = magnitudes.select_nth_unstable_by(rank.min(last), f32::total_cmp);
        if vmax > 0.0 {
            return vmax;
        }
        // A percentile of a sparse map can be zero. Its maximum is shown instead of nothing.
        magnitudes.into_iter().fold(0.0, f32::max)
    }

    /// The map as it is drawn: values divided by `vmax` and clipped at 1. Height × width, from 0
    /// to 1; if `signed`, from −1 to 1. All zero where `vmax` is zero.
    #[must_use]
    pub fn heat(&self, signed: bool, vmax: f32) -> Array2<f32> {
        if vmax <= 0.0 {
            return Array2::zeros(self.values.dim());
        }
        let shown = |value: f32| shown(value - self.offset, signed);
        self.values.mapv(|value| (shown(value) / vmax).clamp(-1.0, 1.0))
    }
}

/// The part of a value that is shown.
fn shown(value: f32, signed: bool) -> f32 {
    match (value.is_finite(), signed) {
        (false, _) => 0.0,
        (true, true) => value,
        (true, false) => value.max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn each_sign_shows_its_own_part() {
        let map = Map::new(array![[-4.0, 0.0], [2.0, 1.0]]);
        let heat = |map: &Map, signed| map.heat(signed, map.vmax(signed, 100.0));
        assert_eq!(heat(&map, false), array![[0.0, 0.0], [1.0, 0.5]]);
        assert_eq!(heat(&map.negated(), false), array![[1.0, 0.0], [0.0, 0.0]]);
        assert_eq!(heat(&map, true), array![[-1.0, 0.0], [0.5, 0.25]]);
        assert_eq!(map.bounds(), (-4.0, 2.0));
    }

    #[test]
    fn a_percentile_clips_what_lies_beyond_it() {
        let map = Map::new(Array2::from_shape_fn((1, 101), |(_, x)| x as f32));
        assert_eq!(map.vmax(false, 100.0), 100.0);
        assert_eq!(map.vmax(false, 99.0), 99.0);
        assert_eq!(map.heat(false, 50.0)[[0, 75]], 1.0);
        // 1 of 200 values is positive: the 99th percentile is 0, but the value is shown.
        let mut sparse = Array2::zeros((1, 200));
        sparse[[0, 7]] = 3.0;
        assert_eq!(Map::new(sparse).vmax(false, 99.0), 3.0);
    }

    #[test]
    fn values_that_are_not_finite_show_nothing() {
        let map = Map::new(array![[f32::NAN, f32::INFINITY], [f32::NEG_INFINITY, 1.0]]);
        assert_eq!(map.vmax(true, 100.0), 1.0);
        assert_eq!(map.heat(true, 1.0), array![[0.0, 0.0], [0.0, 1.0]]);
        assert_eq!(map.bounds(), (1.0, 1.0));
        let nothing = Map::new(array![[f32::NAN]]);
        assert_eq!((nothing.bounds(), nothing.vmax(true, 100.0)), ((0.0, 0.0), 0.0));
    }
}
