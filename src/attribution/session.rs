use ndarray::{Array3, ArrayView3};

use super::AttributionError;
use crate::explain::{Seed, Target};
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
#[derive(Clone)]
pub struct Session<'a> {
    evaluator: &'a dyn Evaluator,
    logits: &'a [f32],
    target: Target,
    seed: Seed,
}

impl<'a> Session<'a> {
    /// A session about `target`. `logits` are those of the picture.
    ///
    /// # Errors
    /// [`AttributionError::Seed`].
    pub fn new(
        evaluator: &'a dyn Evaluator,
        logits: &'a [f32],
        target: Target,
    ) -> Result<Self, AttributionError> {
        Ok(Self { evaluator, logits, target, seed: target.seed(logits)? })
    }

    /// The logits of the picture.
    #[must_use]
    pub fn logits(&self) -> &'a [f32] {
        self.logits
    }

    /// The class and the score that are explained.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
    }

    /// The start of the backward pass. Gradients are in its units: the score's, divided by the
    /// seed's `scale`.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The same session with another cotangent of the logits, for a method about a combination of
    /// classes. The seed's other fields stay.
    #[must_use]
    pub fn with_cotangent(&self, cotangent: Vec<f32>) -> Self {
        Self { seed: Seed { cotangent, ..self.seed.clone() }, ..self.clone() }
    }

    /// A: the layer's value, channels × height × width.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn activations(&self) -> Result<ArrayView3<'a, f32>, AttributionError> {
        self.evaluator.activations()
    }

    /// Σᵢⱼ ∂s/∂A: the sum of the layer's gradient over all positions, for each channel. The
    /// method's row names [`Need::ChannelSums`](super::Need::ChannelSums).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn channel_sums(&self) -> Result<Vec<f64>, AttributionError> {
        self.evaluator.channel_sums(&self.seed.cotangent)
    }

    /// ∂s/∂A: the layer's gradient by `rules`, channels × height × width. The method's row names
    /// [`Need::Gradient`](super::Need::Gradient) with these rules.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn gradient(&self, rules: &Rules) -> Result<Array3<f32>, AttributionError> {
        self.evaluator.gradient(&self.seed.cotangent, rules)
    }
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("target", &self.target).finish_non_exhaustive()
    }
}
