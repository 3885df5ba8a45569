//! Maps over the tokens of a network.

use ndarray::{Array1, Array2, ArrayView3, Axis};

use super::evaluator::not_prepared;
use super::{AttributionError, Map};
use crate::onnx::Tokens;

/// How much each token is read in the end: 1 at the class token. Without one it is the mean over
/// all tokens.
pub(super) fn readers(tokens: Tokens) -> Array1<f64> {
    let count = tokens.count();
    match tokens.prefix {
        0 => Array1::from_elem(count, 1.0 / count.max(1) as f64),
        _ => Array1::from_shape_fn(count, |token| if token == 0 { 1.0 } else { 0.0 }),
    }
}

/// rᵀ·Mₕ, summed over the heads and divided by their number.
pub(super) fn read_through(reads: &Array1<f64>, heads: &ArrayView3<'_, f32>) -> Array1<f64> {
    let mut sum = Array1::zeros(heads.dim().2);
    for head in heads.axis_iter(Axis(0)) {
        for (row, &read) in head.outer_iter().zip(reads) {
            if read != 0.0 {
                sum.zip_mut_with(&row, |sum, &weight| *sum += read * f64::from(weight));
            }
        }
    }
    sum / heads.dim().0.max(1) as f64
}

/// The map of one number for each token, without those that have no place in the picture. It has
/// no unit.
pub(super) fn token_map(values: &Array1<f64>, tokens: Tokens) -> Result<Map, AttributionError> {
    let places = values.iter().skip(tokens.prefix).map(|&value| value as f32).collect();
    let places = Array2::from_shape_vec((tokens.height, tokens.width), places);
    let places = places.map_err(|_| not_prepared("a map of other tokens"))?;
    Ok(Map { ln_scale: Some(0.0), ..Map::new(places) })
}
