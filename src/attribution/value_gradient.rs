use std::sync::Arc;

use ndarray::{Array3, ArrayD, ArrayViewD};

use super::error::unexpected_shape;
use super::evaluator::not_prepared;
use super::{AttributionError, Explainer, GradientPlan, Need};
use crate::gradient::Rules;
use crate::onnx::Layer;
use crate::runtime::{CancellationToken, ForwardPass};

/// A network's last value as a function of the input, with its gradient at the input.
#[derive(Debug)]
pub struct ValueGradient {
    forward: Arc<ForwardPass>,
    backward: Arc<GradientPlan>,
    input: Layer,
    value: String,
}

impl ValueGradient {
    /// Compiles the passes of `value`, at which the gradients of `explainer` start.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn prepare(
        explainer: &Explainer,
        value: &str,
        token: &CancellationToken,
    ) -> Result<Self, AttributionError> {
        let need = [Need::InputGradients(Rules::GRADIENT)];
        let plans = explainer.prepare(&[], need.iter(), token)?;
        let found = plans.altered.get(Rules::GRADIENT.name);
        let (forward, backward) = found.ok_or_else(|| not_prepared("the input's gradient"))?;
        let (forward, backward) = (Arc::clone(forward), Arc::clone(backward));
        let (input, value) = (explainer.input().clone(), value.to_owned());
        Ok(Self { forward, backward, input, value })
    }

    /// What `read` gives for the value at `tensor`, and the gradient of Σ cotangent · value at the
    /// input, channels × height × width.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn at<T>(
        &self,
        tensor: ArrayD<f32>,
        cotangent: &[f32],
        read: impl FnOnce(ArrayViewD<'_, f32>) -> T,
        token: &CancellationToken,
    ) -> Result<(T, Array3<f32>), AttributionError> {
        if tensor.shape() != self.input.shape {
            return Err(unexpected_shape(&self.input));
        }
        let values = self.forward.run(tensor, token)?;
        let read = read(values.view(&self.value)?);
        let inputs = self.backward.inputs(cotangent, &values, &[])?;
        drop(values);
        Ok((read, self.backward.gradient(inputs, token)?))
    }
}
