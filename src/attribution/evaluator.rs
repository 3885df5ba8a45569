use ndarray::{Array3, ArrayView3, ArrayViewMut3};

use super::{AttributionError, Map};
use crate::explain::Target;
use crate::gradient::Rules;
use crate::onnx::Tokens;
use crate::preprocess::Preprocessing;

/// Changes a copy of a value, channels × height × width. The first argument is the copy's index.
/// Several threads call it at the same time.
pub type Alter<'a> = dyn Fn(usize, ArrayViewMut3<'_, f32>) + Sync + 'a;

/// Takes the gradient at one altered input, with its index.
pub type TakeGradient<'a> = dyn FnMut(usize, InputGradient<'_>) + 'a;

/// Takes the logits of one altered value, with its index.
pub type TakeLogits<'a> = dyn FnMut(usize, &[f32]) -> Result<(), AttributionError> + 'a;

/// Uses the evaluator of one altered input, with its logits.
pub type AtInput<'a> = dyn FnMut(&dyn Evaluator, &[f32]) -> Result<(), AttributionError> + 'a;

/// The gradient of the score at one input.
#[derive(Debug)]
pub struct InputGradient<'g> {
    /// The score there.
    pub score: f64,
    /// ∂score/∂x = `scale` · `values`. For a probability the scale is p(1 − p).
    pub scale: f64,
    /// Channels × height × width.
    pub values: ArrayView3<'g, f32>,
}

/// The gradient at the input, and what the biases of the network contribute.
#[derive(Debug)]
pub struct FullGradient {
    /// ∂s/∂x, channels × height × width.
    pub input: Array3<f32>,
    /// One for each operator with a bias, from the logits to the input.
    pub biases: Vec<BiasGradient>,
}

/// The products of an operator's bias and its gradient.
#[derive(Debug)]
pub struct BiasGradient {
    /// b ⊙ ∂s/∂b at every element of the operator's output, channels × height × width.
    pub products: Array3<f32>,
    /// Whether the output has several positions in the picture. Otherwise `products` has one row.
    pub has_positions: bool,
}

/// A gradient whose rules read forward values at other inputs too.
#[derive(Debug)]
pub struct ReferencedGradient {
    /// Channels × height × width.
    pub values: Array3<f32>,
    /// The logits at each of these inputs.
    pub logits: Vec<Vec<f32>>,
}

/// What a session asks of a network, for one picture and one layer.
///
/// The service implements it with the engine, tests implement it in closed form. Values have the
/// shape channels × height × width. A cotangent has one element for each logit. What an evaluator
/// does not implement, it refuses.
pub trait Evaluator {
    /// The network's input.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn input(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        Err(not_prepared("the input"))
    }

    /// How a picture becomes the input.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn preprocessing(&self) -> Result<&Preprocessing, AttributionError> {
        Err(not_prepared("the preprocessing"))
    }

    /// The layer's value in the forward pass.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        Err(not_prepared("the layer"))
    }

    /// Carries `cotangent` of the logits back to the layer: the sum over all positions, for each
    /// channel.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn channel_sums(&self, _cotangent: &[f32]) -> Result<Vec<f64>, AttributionError> {
        Err(not_prepared("the channel sums of the layer's gradient"))
    }

    /// Carries `cotangent` of the logits back to the layer by `rules`.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn gradient(
        &self,
        _cotangent: &[f32],
        _rules: &Rules,
    ) -> Result<Array3<f32>, AttributionError> {
        Err(not_prepared("the layer's gradient"))
    }

    /// Carries `cotangent` of the logits back to the input by `rules`.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn input_gradient(
        &self,
        _cotangent: &[f32],
        _rules: &Rules,
    ) -> Result<Array3<f32>, AttributionError> {
        Err(not_prepared("the input's gradient"))
    }

    /// Carries `cotangent` of the logits back to the input and to every bias.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn full_gradient(&self, _cotangent: &[f32]) -> Result<FullGradient, AttributionError> {
        Err(not_prepared("the gradients of biases"))
    }

    /// Carries `cotangent` of the logits back to the input by `rules`. `references` are the inputs
    /// for [`Rules::references`], in this order.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn input_gradient_with_references(
        &self,
        _cotangent: &[f32],
        _rules: &Rules,
        _references: &[ArrayView3<'_, f32>],
    ) -> Result<ReferencedGradient, AttributionError> {
        Err(not_prepared("the input's gradient with references"))
    }

    /// Whether the gradient at the input by `rules` is the input times its gradient, whatever the
    /// picture is.
    fn is_input_x_gradient(&self, _rules: &Rules) -> bool {
        false
    }

    /// Passes the gradients of the target's score at `count` altered inputs to `take`, in the order
    /// of their indices.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn input_gradients(
        &self,
        _rules: &Rules,
        _count: usize,
        _alter: &Alter<'_>,
        _target: &Target,
        _take: &mut TakeGradient<'_>,
    ) -> Result<(), AttributionError> {
        Err(not_prepared("gradients at altered inputs"))
    }

    /// Calls `each` with the evaluators of `count` altered inputs, in the order of their indices.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn at_inputs(
        &self,
        _count: usize,
        _alter: &Alter<'_>,
        _each: &mut AtInput<'_>,
    ) -> Result<(), AttributionError> {
        Err(not_prepared("evaluators of altered inputs"))
    }

    /// The tokens between which all attentions are.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn tokens(&self) -> Result<Tokens, AttributionError> {
        Err(not_prepared("the tokens"))
    }

    /// The weights of every attention, heads × queries × keys, in the order of evaluation.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn attentions(&self) -> Result<Vec<ArrayView3<'_, f32>>, AttributionError> {
        Err(not_prepared("the attentions"))
    }

    /// Carries `cotangent` of the logits back to every attention, heads × queries × keys.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn attention_gradients(
        &self,
        _cotangent: &[f32],
    ) -> Result<Vec<Array3<f32>>, AttributionError> {
        Err(not_prepared("the gradients of attentions"))
    }

    /// As [`attention_gradients`](Self::attention_gradients), where each attention has the logits
    /// of its own block: those of the head where every token of the last block is the mean of this
    /// block's tokens.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn block_gradients(&self, _cotangent: &[f32]) -> Result<Vec<Array3<f32>>, AttributionError> {
        Err(not_prepared("the gradients of blocks"))
    }

    /// Offers the map as far as it is computed. Whoever waits for it may look at it.
    fn preview(&self, _map: &dyn Fn() -> Result<Map, AttributionError>) {}

    /// Passes the logits of `count` altered inputs to `take`, in the order of their indices.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn each_logits(
        &self,
        _count: usize,
        _alter: &Alter<'_>,
        _take: &mut TakeLogits<'_>,
    ) -> Result<(), AttributionError> {
        Err(not_prepared("scores of altered inputs"))
    }

    /// Passes the logits of `count` altered values of the layer to `take`, in the order of their
    /// indices.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn each_logits_from_layer(
        &self,
        _count: usize,
        _alter: &Alter<'_>,
        _take: &mut TakeLogits<'_>,
    ) -> Result<(), AttributionError> {
        Err(not_prepared("scores from the layer on"))
    }
}

pub(super) fn not_prepared(what: &str) -> AttributionError {
    AttributionError::NotPrepared(what.to_owned())
}
