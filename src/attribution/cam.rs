//! What all class activation maps share: a sum over the channels of a layer.

use ndarray::{Array2, ArrayView3, Axis};

use super::AttributionError;
use super::rounded_sum::RoundedSum;

/// Σₖ wₖ·Aₖ, one weight for each channel of `activations`, in float64.
///
/// # Errors
/// [`AttributionError::Mismatch`] where there are not as many weights as channels, or no elements.
pub(super) fn weighted_sum(
    activations: ArrayView3<'_, f32>,
    weights: &[f64],
) -> Result<Array2<f64>, AttributionError> {
    let (channels, height, width) = activations.dim();
    if channels != weights.len() || activations.is_empty() {
        let activations = [channels, height, width];
        return Err(AttributionError::Mismatch { activations, weights: weights.len() });
    }
    let mut map = Array2::<RoundedSum>::default((height, width));
    // Row by row, so that either memory order is read once.
    for (mut out, rows) in map.axis_iter_mut(Axis(0)).zip(activations.axis_iter(Axis(1))) {
        for (&weight, row) in weights.iter().zip(rows.axis_iter(Axis(0))) {
            out.zip_mut_with(&row, |out, &a| out.add(weight * f64::from(a)));
        }
    }
    Ok(map.mapv(RoundedSum::value))
}

/// Σₖ Gₖ ⊙ Aₖ, element by element, in float64.
///
/// # Errors
/// [`AttributionError::Shapes`] where the shapes differ or are empty.
pub(super) fn elementwise_sum(
    activations: ArrayView3<'_, f32>,
    gradient: ArrayView3<'_, f32>,
) -> Result<Array2<f64>, AttributionError> {
    let (channels, height, width) = activations.dim();
    if activations.dim() != gradient.dim() || activations.is_empty() {
        let (k, h, w) = gradient.dim();
        let (activations, gradient) = ([channels, height, width], [k, h, w]);
        return Err(AttributionError::Shapes { activations, gradient });
    }
    let mut map = Array2::<RoundedSum>::default((height, width));
    let rows = activations.axis_iter(Axis(1)).zip(gradient.axis_iter(Axis(1)));
    for (mut out, (a, g)) in map.axis_iter_mut(Axis(0)).zip(rows) {
        for (a, g) in a.axis_iter(Axis(0)).zip(g.axis_iter(Axis(0))) {
            for ((out, &a), &g) in out.iter_mut().zip(a).zip(g) {
                out.add(f64::from(a) * f64::from(g));
            }
        }
    }
    Ok(map.mapv(RoundedSum::value))
}

/// Σᵢⱼ Gₖ for each channel, in float64.
pub(super) fn channel_sums(gradient: ArrayView3<'_, f32>) -> Vec<f64> {
    let mut sums = vec![RoundedSum::default(); gradient.dim().0];
    // Row by row, so that either memory order is read once.
    for rows in gradient.axis_iter(Axis(1)) {
        for (sum, row) in sums.iter_mut().zip(rows.axis_iter(Axis(0))) {
            row.iter().for_each(|&g| sum.add(f64::from(g)));
        }
    }
    sums.into_iter().map(RoundedSum::value).collect()
}
