//! Grad-CAM: which part of the picture spoke for a class (Selvaraju et al. 2017).

use ndarray::{Array2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

/// Which evidence is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// What spoke for the class.
    #[default]
    Positive,
    /// What spoke against it: the gradient negated.
    Negative,
}

/// A class activation map at the layer's resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Cam {
    /// Height × width, before ReLU and scaling, in the units of the seed that the gradients came
    /// from.
    pub raw: Array2<f32>,
    /// Smallest value of `raw`.
    pub min: f32,
    /// Largest value of `raw`.
    pub max: f32,
    /// Nothing is left after ReLU: the picture will show no heat.
    pub empty: bool,
    /// How many values of `raw` are NaN or infinite; they count as no heat.
    pub not_finite: usize,
}

/// Activations and gradients that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "activations are {activations:?}, channels × height × width, and there are {sums} sums of gradients; there must be as many as channels, and none of the three zero"
)]
pub struct CamError {
    /// Shape of the activations.
    pub activations: [usize; 3],
    /// How many channels the gradients have.
    pub sums: usize,
}

/// Grad-CAM: weight of channel k = mean over positions of ∂score/∂A^k; map = mean over channels of
/// weight_k · A^k.
///
/// The activations are channels × height × width; `sums` are those of ∂score/∂A^k over all
/// positions, for each channel.
/// [`Sign::Negative`] negates them.
///
/// # Errors
///
/// When there are not as many sums as channels, or an axis is empty.
pub fn cam(activations: ArrayView3<'_, f32>, sums: &[f64], sign: Sign) -> Result<Cam, CamError> {
    let (channels, height, width) = activations.dim();
    if channels != sums.len() || activations.is_empty() {
        let activations = [channels, height, width];
        return Err(CamError { activations, sums: sums.len() });
    }
    let sign = if sign == Sign::Negative { -1.0 } else { 1.0 };
    let mean = sign / (height * width) as f64 / channels as f64;
    // In float64, row by row so that either memory order is read once.
    let mut map = Array2::<f64>::zeros((height, width));
    for (mut out, rows) in map.axis_iter_mut(Axis(0)).zip(activations.axis_iter(Axis(1))) {
        for (&weight, row) in sums.iter().zip(rows.axis_iter(Axis(0))) {
            out.zip_mut_with(&row, |out, &a| *out += weight * f64::from(a));
        }
    }
    Ok(Cam::new(map.mapv(|sum| (sum * mean) as f32)))
}

/// The sums over positions that [`cam`] takes, from gradients of shape channels × height × width,
/// in float64.
pub fn channel_sums(gradients: ArrayView3<'_, f32>) -> Vec<f64> {
    let mut sums = vec![0.0; gradients.dim().0];
    // Row by row, so that either memory order is read once.
    for rows in gradients.axis_iter(Axis(1)) {
        for (sum, row) in sums.iter_mut().zip(rows.axis_iter(Axis(0))) {
            *sum += row.iter().map(|&g| f64::from(g)).sum::<f64>();
        }
    }
    sums
}

impl Cam {
    fn new(raw: Array2<f32>) -> Self {
        let finite = raw.iter().copied().filter(|v| v.is_finite());
        let (min, max, count) = finite
            .fold((f32::INFINITY, f32::NEG_INFINITY, 0), |(min, max, n), v| {
                (v.min(min), v.max(max), n + 1)
            });
        let (min, max) = if count == 0 { (0.0, 0.0) } else { (min, max) };
        let not_finite = raw.len() - count;
        Self { min, max, empty: max <= 0.0, not_finite, raw }
    }

    /// The map as it is drawn: ReLU, divided by the maximum; 0..=1, height × width. All zero when
    /// [`empty`](Self::empty).
    pub fn heat(&self) -> Array2<f32> {
        let heat = |v: f32| if v.is_finite() && v > 0.0 { v / self.max } else { 0.0 };
        self.raw.mapv(heat)
    }
}
