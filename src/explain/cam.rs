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
    /// Height × width, before ReLU and scaling, in the units of the seed that the gradients came from.
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
    "activations are {activations:?}, gradients {gradients:?}; both must be the same channels × height × width, none of them zero"
)]
pub struct CamError {
    /// Shape of the activations.
    pub activations: [usize; 3],
    /// Shape of the gradients.
    pub gradients: [usize; 3],
}

/// Grad-CAM: weight of channel k = mean over positions of ∂score/∂A^k; map = mean over channels of weight_k · A^k.
///
/// Both arrays are channels × height × width. [`Sign::Negative`] negates the gradients.
///
/// # Errors
///
/// When the shapes differ or an axis is empty.
pub fn cam(
    activations: ArrayView3<'_, f32>,
    gradients: ArrayView3<'_, f32>,
    sign: Sign,
) -> Result<Cam, CamError> {
    let shape = |array: &ArrayView3<'_, f32>| <[usize; 3]>::from(array.dim());
    let (channels, height, width) = activations.dim();
    if activations.dim() != gradients.dim() || activations.is_empty() {
        let (activations, gradients) = (shape(&activations), shape(&gradients));
        return Err(CamError { activations, gradients });
    }
    // Sums in float64, row by row so that either memory order is read once.
    let mut weights = vec![0.0; channels];
    for rows in gradients.axis_iter(Axis(1)) {
        for (weight, row) in weights.iter_mut().zip(rows.axis_iter(Axis(0))) {
            *weight += row.iter().map(|&g| f64::from(g)).sum::<f64>();
        }
    }
    let sign = if sign == Sign::Negative { -1.0 } else { 1.0 };
    let mean = sign / (height * width) as f64 / channels as f64;
    let mut sums = Array2::<f64>::zeros((height, width));
    for (mut out, rows) in sums.axis_iter_mut(Axis(0)).zip(activations.axis_iter(Axis(1))) {
        for (&weight, row) in weights.iter().zip(rows.axis_iter(Axis(0))) {
            out.zip_mut_with(&row, |out, &a| *out += weight * f64::from(a));
        }
    }
    Ok(Cam::new(sums.mapv(|sum| (sum * mean) as f32)))
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

    /// The map as it is drawn: ReLU, divided by the maximum; 0..=1, height × width. All zero when [`empty`](Self::empty).
    pub fn heat(&self) -> Array2<f32> {
        let heat = |v: f32| if v.is_finite() && v > 0.0 { v / self.max } else { 0.0 };
        self.raw.mapv(heat)
    }
}
