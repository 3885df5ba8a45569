//! The compiled graphs of methods that read attention.

use std::sync::Arc;

use ndarray::{Array3, ArrayD, ArrayView3, ArrayViewD, Axis, Ix3};

use super::compiled_gradient::CompiledGradient;
use super::evaluator::not_prepared;
use super::{AttributionError, GradientPlan};
use crate::gradient::{GradientModel, cotangent_name};
use crate::onnx::{Attention, Layer};
use crate::runtime::{CancellationToken, HeldBytes, Network, RuntimeError, Values, tensor_input};

/// The gradient of one value with respect to attentions.
#[derive(Debug)]
pub(super) struct AttentionGradient {
    compiled: CompiledGradient,
    attentions: Vec<Attention>,
}

impl HeldBytes for AttentionGradient {
    fn held_bytes(&self) -> usize {
        self.compiled.held_bytes()
    }
}

impl AttentionGradient {
    /// Compiles a gradient graph of `network` that carries a cotangent of `from` back to
    /// `attentions`.
    pub(super) fn compile(
        network: &Network,
        gradient: &GradientModel,
        attentions: &[Attention],
        from: &str,
    ) -> Result<Self, RuntimeError> {
        let wanted: Vec<String> =
            attentions.iter().map(|attention| cotangent_name(&attention.value)).collect();
        let compiled = CompiledGradient::compile(network, gradient, &wanted, from)?;
        Ok(Self { compiled, attentions: attentions.to_vec() })
    }

    /// The forward values that the plan reads.
    pub(super) fn residuals(&self) -> &[String] {
        self.compiled.residuals()
    }

    /// The gradient of each attention, heads × queries × keys.
    pub(super) fn run(
        &self,
        cotangent: &[f32],
        values: &Values,
        token: &CancellationToken,
    ) -> Result<Vec<Array3<f32>>, AttributionError> {
        let inputs = self.compiled.inputs(cotangent, values, &[])?;
        let mut computed = self.compiled.run(inputs, token)?;
        let mut take = |attention: &Attention| {
            let gradient = computed.take(&cotangent_name(&attention.value))?;
            let shape = shape(attention);
            let gradient = gradient.into_shape_with_order(shape);
            gradient.map_err(|_| not_prepared(&attention.value))
        };
        self.attentions.iter().map(&mut take).collect()
    }
}

/// The score of one block's tokens, as if it were the last block.
#[derive(Debug, Clone)]
pub(super) struct BlockGradients {
    /// From the logits to the tokens of the last block.
    pub(super) head: Arc<GradientPlan>,
    /// The tokens of each block, in the order of the attentions.
    pub(super) blocks: Vec<Layer>,
    /// From the tokens of each block to its attention.
    pub(super) attentions: Vec<Arc<AttentionGradient>>,
}

impl BlockGradients {
    /// The forward values that the plans read.
    pub(super) fn residuals(&self) -> impl Iterator<Item = &String> {
        let tokens = self.blocks.iter().map(|block| &block.value);
        self.attentions.iter().flat_map(|plan| plan.residuals()).chain(tokens)
    }

    /// For each block, the gradient of the score at its attention, heads × queries × keys. The
    /// score is that of the head where every token of the last block is the mean of this block's.
    pub(super) fn run(
        &self,
        cotangent: &[f32],
        network: &Network,
        values: &Values,
        token: &CancellationToken,
    ) -> Result<Vec<Array3<f32>>, AttributionError> {
        let last = self.blocks.last().ok_or_else(|| not_prepared("the blocks"))?;
        let mut gradients = Vec::new();
        for (block, attention) in self.blocks.iter().zip(&self.attentions) {
            let mean = mean_token(values.view(&block.value)?);
            let mut at_mean = Values::default();
            at_mean.insert(&last.value, tensor_input(mean));
            let at_mean = network.complete(&at_mean, self.head.residuals(), token)?;
            let inputs = self.head.inputs(cotangent, &at_mean, &[])?;
            let of_last = self.head.whole_gradient(inputs, token)?;
            // Each token has the same part in the mean.
            let of_tokens = mean_token(of_last.view());
            let of_tokens: Vec<f32> = of_tokens.iter().copied().collect();
            gradients.extend(attention.run(&of_tokens, values, token)?);
        }
        Ok(gradients)
    }
}

/// An array of the same shape whose tokens, along the last axis, are all the mean token.
fn mean_token(tokens: ArrayViewD<'_, f32>) -> ArrayD<f32> {
    let shape = tokens.raw_dim();
    let last = tokens.ndim().saturating_sub(1);
    let mut sums = vec![0.0f64; tokens.shape().get(last).copied().unwrap_or(1)];
    let count = (tokens.len() / sums.len().max(1)).max(1) as f64;
    for lane in tokens.lanes(Axis(last)) {
        sums.iter_mut().zip(lane).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let mut means = ArrayD::zeros(shape);
    for mut lane in means.lanes_mut(Axis(last)) {
        lane.iter_mut().zip(&sums).for_each(|(mean, sum)| *mean = (sum / count) as f32);
    }
    means
}

/// Heads, queries and keys.
fn shape(attention: &Attention) -> (usize, usize, usize) {
    (attention.heads, attention.queries.count(), attention.keys.count())
}

/// The weights of an attention in a forward pass, heads × queries × keys.
pub(super) fn weights<'v>(
    attention: &Attention,
    values: &'v Values,
) -> Result<ArrayView3<'v, f32>, AttributionError> {
    let value = values.view(&attention.value)?;
    let value = value.into_shape_with_order(shape(attention));
    let value = value.ok().and_then(|value| value.into_dimensionality::<Ix3>().ok());
    value.ok_or_else(|| not_prepared(&attention.value))
}
