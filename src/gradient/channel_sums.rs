//! The sums of a value's cotangent over all positions of each channel. They are all that Grad-CAM
//! needs of the gradient. They can often be computed from a later value of the network, at less
//! cost.

use super::driver::backpropagate;
use super::forward_graph::ForwardGraph;
use super::names::channel_sums_name;
use super::rule_set::Rules;
use super::table::find;
use super::tape::Tape;
use super::{GradientError, GradientGraph};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Element, Elements, Facts, Model, Value};

/// Differentiates `logits` by `rules` with respect to one constant per channel, which is added to
/// all elements of that channel of `value`. The channels lie along `axis`.
///
/// The output [`channel_sums_name`] has one row per channel. The sum of a row is the sum of the
/// cotangent of `value` over the channel's positions. The length of the rows depends on the
/// network. If only a pool reads `value`, each window passes its whole cotangent on. So the
/// cotangent of the pool's output has the same sums and is used instead. If a dense layer follows,
/// the graph computes the sums. An engine can then sum the weights once instead.
///
/// # Errors
/// As [`derive`](super::derive()).
pub fn derive_channel_sums(
    model: &Model,
    facts: &Facts,
    value: &str,
    axis: usize,
    logits: &str,
    rules: &Rules,
) -> Result<GradientGraph, GradientError> {
    let forward = ForwardGraph::of(model, facts)?;
    let channels = Channels { value, axis }.last_with_same_sums(&forward, logits, rules);
    let is_summed = channels.are_multiplied_by_weights(&forward);
    let output = channel_sums_name(value);
    let mut tape = Tape::new(forward, std::slice::from_ref(&output));
    let mut cotangents = backpropagate(&mut tape, &[channels.value], logits, rules)?;
    let cotangent = cotangents.remove(channels.value).filter(|c| channels.axis < c.rank());
    let cotangent = cotangent.ok_or_else(|| GradientError::UnknownShape(value.to_owned()))?;
    tape.builder.set_scope(&output);
    tape.builder.output(&output, &rows(&cotangent, channels.axis, is_summed));
    tape.finish(rules, &model.graph().name)
}

/// `cotangent` as a matrix with one row per channel. If `is_summed`, a row has one element, the
/// sum, unless the elements are not float32.
fn rows(cotangent: &Value, axis: usize, is_summed: bool) -> Value {
    let channels = cotangent.shape()[axis];
    let others: Vec<usize> = (0..cotangent.rank()).filter(|&other| other != axis).collect();
    if is_summed && cotangent.element() == Element::F32 {
        return cotangent.sum(&others).reshape(&[channels, 1]);
    }
    let order: Vec<usize> = [axis].into_iter().chain(others).collect();
    let positions = cotangent.shape().iter().product::<usize>() / channels.max(1);
    cotangent.transpose(&order).reshape(&[channels, positions])
}

/// A value, and the axis of its channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channels<'m> {
    pub(super) value: &'m str,
    pub(super) axis: usize,
}

impl<'m> Channels<'m> {
    /// The last value between this one and `logits` whose cotangent has the same sums as this
    /// value's.
    fn last_with_same_sums(
        mut self,
        forward: &ForwardGraph<'m>,
        logits: &str,
        rules: &Rules,
    ) -> Self {
        while self.value != logits {
            let node = self.only_reader(forward).filter(|node| rules.keeps_gradient_rule(node));
            let Some(next) = node.and_then(|node| self.output_of(node, forward)) else { break };
            self = next;
        }
        self
    }

    /// The only node that reads the value. None if it reads the value more than once, or not as its
    /// first input, or if more of its outputs than the first are used.
    pub(super) fn only_reader(&self, forward: &ForwardGraph<'m>) -> Option<&'m NodeProto> {
        let mut readers = forward.topology.consumers(self.value);
        let node = readers.next().filter(|_| readers.next().is_none())?;
        node.output.first()?;
        let is_unused = |name: &String| forward.topology.consumers(name).next().is_none();
        let has_one_output = node.output.iter().skip(1).all(is_unused);
        (has_one_output && node.input.first()? == self.value).then_some(node)
    }

    /// The output of `node`, which reads the value, if its cotangent has the same sums.
    pub(super) fn output_of(
        &self,
        node: &'m NodeProto,
        forward: &ForwardGraph<'m>,
    ) -> Option<Self> {
        let operator = find(node)?;
        operator.check(node, forward.opset).ok()?;
        let axis = operator.channel_axis?(node, self.axis, forward)?;
        Some(Self { value: &node.output[0], axis })
    }

    /// Whether the value is next multiplied by a matrix of constant weights. Before that it may
    /// only be rearranged.
    fn are_multiplied_by_weights(mut self, forward: &ForwardGraph<'m>) -> bool {
        while let Some(node) = self.only_reader(forward) {
            if Elements::after(node) != Elements::Changed {
                self.value = &node.output[0];
                continue;
            }
            let is_product = matches!(node.op_type.as_str(), "Gemm" | "MatMul");
            let weight = node.input.get(1).filter(|_| is_product);
            return weight.is_some_and(|weight| forward.topology.is_constant(weight));
        }
        false
    }
}
