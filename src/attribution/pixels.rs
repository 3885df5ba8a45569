//! Maps at the pixels: attributions of the input's channels, and how one number for each pixel is
//! made of them.

use ndarray::{Array2, Array3, Axis};

use super::{Map, Word};

/// How the attributions of a pixel's channels become one: their sum.
pub(super) const SUM: Word = reduce("sum");

/// How the attributions of a pixel's channels become one: the one of largest magnitude.
pub(super) const MAX: Word = reduce("max");

const fn reduce(default: &'static str) -> Word {
    Word {
        name: "reduce",
        words: &["sum", "max"],
        default,
        help: "how the attributions of a pixel's channels become one: their sum, or the one of \
               largest magnitude",
    }
}

/// One number for each pixel. `how` is a word of [`SUM`] and [`MAX`].
pub(super) fn reduced(channels: &Array3<f64>, how: &str) -> Array2<f64> {
    match how {
        "max" => channels.map_axis(Axis(0), |lane| {
            let larger = |a: f64, &b: &f64| if b.abs() > a.abs() { b } else { a };
            lane.iter().fold(0.0, larger)
        }),
        _ => channels.sum_axis(Axis(0)),
    }
}

/// The map of attributions in the units of the seed.
pub(super) fn pixel_map(channels: &Array3<f64>, how: &str) -> Map {
    let values = reduced(channels, how).mapv(|value| value as f32);
    Map { channels: Some(channels.mapv(|value| value as f32)), ..Map::new(values) }
}

/// The map of attributions in the units of the score.
pub(super) fn score_map(channels: &Array3<f64>, how: &str) -> Map {
    let largest = channels.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let ln_scale = Map::ln_scale_of(largest);
    let units = channels.mapv(|value| value / ln_scale.exp());
    Map { ln_scale: Some(ln_scale), ..pixel_map(&units, how) }
}
