//! The heads of networks that end in a mean over all positions, and what is known of the gradient
//! before it.

use super::GradientError;
use super::channel_axis::{reduced_axes, windows_lie_within_input};
use super::channel_sums::Channels;
use super::forward_graph::ForwardGraph;
use super::table::{Operator, find};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, Elements, Facts, Model};

/// What reads a value, if its only reader is a mean over all positions. Operators that only
/// rearrange elements may lie between. The gradient is then the same at all positions of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PooledHead {
    /// After the mean, at most one dense layer or convolution with constant weights gives the
    /// logits.
    Linear,
    /// After the mean follows something else.
    Other,
}

impl PooledHead {
    /// The head behind `value`, whose channels lie along `axis`. None if something else than a mean
    /// over all positions reads the value.
    ///
    /// # Errors
    /// [`GradientError::Onnx`].
    pub fn of(
        model: &Model,
        facts: &Facts,
        value: &str,
        axis: usize,
        logits: &str,
    ) -> Result<Option<Self>, GradientError> {
        let forward = ForwardGraph::of(model, facts)?;
        let mut channels = Channels { value, axis };
        while channels.value != logits {
            let Some(node) = channels.only_reader(&forward) else { return Ok(None) };
            if averages_all_positions(node, channels.axis, &forward) {
                let mean = Channels { value: &node.output[0], ..channels };
                let is_linear = is_linear(mean, &forward, logits);
                return Ok(Some(if is_linear { Self::Linear } else { Self::Other }));
            }
            let is_rearranged = Elements::after(node) != Elements::Changed;
            let next = channels.output_of(node, &forward).filter(|_| is_rearranged);
            let Some(next) = next else { return Ok(None) };
            channels = next;
        }
        Ok(None)
    }
}

/// Whether at most one product with constant weights, constant biases and operators that only
/// rearrange elements lie between `mean` and `logits`.
fn is_linear<'m>(mut mean: Channels<'m>, forward: &ForwardGraph<'m>, logits: &str) -> bool {
    let mut products = 0;
    while mean.value != logits {
        let Some(node) = mean.only_reader(forward) else { return false };
        let is_constant = |name: &String| name.is_empty() || forward.topology.is_constant(name);
        let are_constant = node.input.iter().skip(1).all(is_constant);
        match node.op_type.as_str() {
            _ if Elements::after(node) != Elements::Changed => {}
            "Add" | "Sub" if are_constant => {}
            "Gemm" | "MatMul" | "Conv" if are_constant => products += 1,
            _ => return false,
        }
        mean.value = &node.output[0];
    }
    products <= 1
}

/// Whether `node` takes the mean over all positions of each channel.
fn averages_all_positions(node: &NodeProto, axis: usize, forward: &ForwardGraph) -> bool {
    let is_known = |operator: &Operator| operator.check(node, forward.opset).is_ok();
    if find(node).is_none_or(|operator| !is_known(operator)) {
        return false;
    }
    let input = node.input.first().and_then(|name| forward.shape(name)).unwrap_or_default();
    match node.op_type.as_str() {
        "GlobalAveragePool" => axis == 1,
        "AveragePool" => {
            let window = node.ints("kernel_shape").unwrap_or_default().iter();
            let is_whole = window.map(|&extent| extent as usize).eq(input.iter().skip(2).copied());
            axis == 1 && is_whole && windows_lie_within_input(node)
        }
        "ReduceMean" => reduced_axes(node, &input, forward).is_some_and(|reduced| {
            let is_left = |other: &usize| *other != axis && !reduced.contains(other);
            !reduced.contains(&axis) && (0..input.len()).filter(is_left).all(|a| input[a] == 1)
        }),
        _ => false,
    }
}
