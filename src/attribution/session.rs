use ndarray::{Array3, ArrayView3};

use super::AttributionError;
use crate::gradient::Rules;

/// What a session asks of a network, for one picture and one layer.
///
/// The service implements it with the engine, tests implement it in closed form. Values have the
/// shape channels × height × width of the layer. A cotangent has one element for each logit.
pub trait Evaluator {
    /// The layer's value in the forward pass.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError>;

    /// Carries `cotangent` of the logits back to the layer: the sum over all positions, for each
    /// channel.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn channel_sums(&self, cotangent: &[f32]) -> Result<Vec<f64>, AttributionError>;

    /// Carries `cotangent` of the logits back to the layer by `rules`.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn gradient(&self, cotangent: &[f32], rules: &Rules) -> Result<Array3<f32>, AttributionError>;
}

/// One picture, one layer and one class: what a method sees of the network.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    evaluator: &'a dyn Evaluator,
    /// ∂s/∂logits of the class, up to the seed's factor.
    cotangent: &'a [f32],
}

impl<'a> Session<'a> {
    /// A session about the score whose derivative with respect to the logits is `cotangent`.
    #[must_use]
    pub fn new(evaluator: &'a dyn Evaluator, cotangent: &'a [f32]) -> Self {
        Self { evaluator, cotangent }
    }

    /// A: the layer's value, channels × height × width.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn activations(&self) -> Result<ArrayView3<'a, f32>, AttributionError> {
        self.evaluator.activations()
    }

    /// Σᵢⱼ ∂s/∂A: the sum of the layer's gradient over all positions, for each channel.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn channel_sums(&self) -> Result<Vec<f64>, AttributionError> {
        self.evaluator.channel_sums(self.cotangent)
    }

    /// ∂s/∂A: the layer's gradient by `rules`, channels × height × width.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn gradient(&self, rules: &Rules) -> Result<Array3<f32>, AttributionError> {
        self.evaluator.gradient(self.cotangent, rules)
    }
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("cotangent", &self.cotangent).finish_non_exhaustive()
    }
}
