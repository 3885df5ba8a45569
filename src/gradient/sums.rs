//! The sums of a layer's cotangent over all positions of each channel: all that Grad-CAM wants of
//! it. They often can be had further down the network, where there is less to compute.

use super::driver::backpropagate;
use super::forward::Forward;
use super::node_context::from_front;
use super::table::find;
use super::tape::Tape;
use super::{Derived, GradientError};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, Element, Facts, Model, Value};

/// What the output's name begins with.
const PREFIX: &str = "sums/";

/// The name of the output of [`derive_sums`].
#[must_use]
pub fn sums_name(layer: &str) -> String {
    format!("{PREFIX}{layer}")
}

/// Differentiates `logits` with respect to a constant that is added to a channel of `layer`, for
/// each channel. The channels stand along `axis`.
///
/// The output [`sums_name`] has a row for every channel; the sum of a row is the sum of the layer's
/// cotangent over the channel's positions. How long the rows are depends on the network: where the
/// layer is only pooled, each window passes its cotangent on as a whole, so that the pool's
/// cotangent has the same sums; where a dense layer follows, they are taken in the graph, and an
/// engine may sum the weights instead, once.
///
/// # Errors
/// As [`derive`](super::derive()).
pub fn derive_sums(
    model: &Model,
    facts: &Facts,
    layer: &str,
    axis: usize,
    logits: &str,
) -> Result<Derived, GradientError> {
    let forward = Forward::of(model, facts)?;
    let channels = Channels { value: layer, axis }.last(&forward, logits);
    let is_summed = channels.enter_a_product(&forward);
    let output = sums_name(layer);
    let mut tape = Tape::new(forward, std::slice::from_ref(&output));
    let mut cotangents = backpropagate(&mut tape, &[channels.value], logits)?;
    let cotangent = cotangents.remove(channels.value).filter(|c| channels.axis < c.rank());
    let cotangent = cotangent.ok_or_else(|| GradientError::UnknownShape(layer.to_owned()))?;
    tape.builder.set_scope(&output);
    tape.builder.output(&output, &rows(&cotangent, channels.axis, is_summed));
    tape.finish(&model.graph().name)
}

/// `cotangent` as a matrix with a row for each channel, of one element if `is_summed`.
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

/// A value, and the axis along which its channels stand.
#[derive(Debug, Clone, Copy)]
struct Channels<'m> {
    value: &'m str,
    axis: usize,
}

impl<'m> Channels<'m> {
    /// The last value on the way to `logits` whose cotangent has the sums that this one's has.
    fn last(mut self, forward: &Forward<'m>, logits: &str) -> Self {
        while self.value != logits {
            let Some(node) = self.only_reader(forward) else { break };
            let Some(axis) = self.behind(node, forward) else { break };
            self = Self { value: &node.output[0], axis };
        }
        self
    }

    /// The node that alone reads the value, once and as its first input, and gives one value.
    fn only_reader(&self, forward: &Forward<'m>) -> Option<&'m NodeProto> {
        let mut readers = forward.topology.consumers(self.value);
        let node = readers.next().filter(|_| readers.next().is_none())?;
        node.output.first()?;
        let gives_one = node
            .output
            .iter()
            .skip(1)
            .all(|name| forward.topology.consumers(name).next().is_none());
        find(node)?;
        (gives_one && node.input.first()? == self.value).then_some(node)
    }

    /// Where the channels stand behind `node`, which reads them. None where the sums change.
    fn behind(&self, node: &NodeProto, forward: &Forward<'m>) -> Option<usize> {
        let shape = forward.shape(self.value)?;
        let extent = *shape.get(self.axis)?;
        match node.op_type.as_str() {
            // x̄ = ȳ.
            "Identity" => Some(self.axis),
            // As it is unless it is told to train.
            "Dropout" if node.input.len() < 3 => Some(self.axis),
            // Every window gives its cotangent to one element, or a share to each.
            "MaxPool" | "AveragePool" if self.axis == 1 => lies_within(node).then_some(1),
            "GlobalAveragePool" | "GlobalMaxPool" if self.axis == 1 => Some(1),
            "ReduceMean" => {
                let given = node.ints("axes").map(<[i64]>::to_vec);
                let axes = given.or_else(|| forward.ints(node.input.get(1)?))?;
                let axes = axes.iter().map(|&axis| from_front(axis, shape.len()).ok());
                let axes = axes.collect::<Option<Vec<usize>>>()?;
                let before = (0..self.axis).filter(|axis| axes.contains(axis)).count();
                let is_kept = node.int("keepdims", 1) != 0;
                let axis = if is_kept { self.axis } else { self.axis - before };
                (!axes.is_empty() && !axes.contains(&self.axis)).then_some(axis)
            }
            "Transpose" => {
                let order = node.ints("perm")?;
                order.iter().position(|&from| from == self.axis as i64)
            }
            // The same elements in another shape, in which the channels are an axis still.
            "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => {
                let behind = forward.shape(&node.output[0])?;
                let before = |shape: &[usize], axis: usize| shape[..axis].iter().product::<usize>();
                let same = |&axis: &usize| {
                    behind[axis] == extent && before(&behind, axis) == before(&shape, self.axis)
                };
                (0..behind.len()).find(same)
            }
            _ => None,
        }
    }

    /// Whether a product by constant weights reads the value next, perhaps in another shape.
    fn enter_a_product(mut self, forward: &Forward<'m>) -> bool {
        while let Some(node) = self.only_reader(forward) {
            match node.op_type.as_str() {
                "Identity" | "Dropout" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze"
                | "Transpose" => self.value = &node.output[0],
                "Gemm" | "MatMul" => {
                    return node.input.get(1).is_some_and(|b| forward.topology.is_constant(b));
                }
                _ => return false,
            }
        }
        false
    }
}

/// Whether every window of a pool lies within its input, so that nothing is given to the padding.
fn lies_within(node: &NodeProto) -> bool {
    let is_unpadded = node.ints("pads").unwrap_or_default().iter().all(|&pad| pad == 0);
    let is_automatic = !matches!(node.string("auto_pad").unwrap_or("NOTSET"), "NOTSET" | "VALID");
    is_unpadded && !is_automatic && node.int("ceil_mode", 0) == 0
}
