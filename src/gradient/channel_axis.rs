//! The column `channel_axis` of the operators' table: the functions that find the axis of the
//! channels in an operator's output, if the output's cotangent has the same sums over positions as
//! the input's.

use super::forward_graph::ForwardGraph;
use super::node_context::from_front;
use crate::onnx::Attributes;
use crate::onnx::pb::NodeProto;

/// Returns the axis of the channels in the node's output, or None if the output's cotangent does
/// not have the same sums over positions as the input's. The arguments are the node, the axis of
/// the channels in its first input, and the graph.
pub(super) type ChannelAxis = fn(&NodeProto, usize, &ForwardGraph) -> Option<usize>;

/// x̄ = ȳ.
pub(super) fn same_axis(_: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    Some(axis)
}

/// x̄ = ȳ, unless the node has the input `training_mode`.
pub(super) fn dropout(node: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    (node.input.len() < 3).then_some(axis)
}

/// Each window passes its whole cotangent on, to one element or in shares to all of its elements.
pub(super) fn pool(node: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    (axis == 1 && windows_lie_within_input(node)).then_some(1)
}

/// The window is the whole feature map.
pub(super) fn global_pool(_: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    (axis == 1).then_some(1)
}

/// Each element gets the same share of the mean's cotangent.
pub(super) fn reduce_mean(node: &NodeProto, axis: usize, forward: &ForwardGraph) -> Option<usize> {
    let shape = forward.shape(node.input.first()?)?;
    let axes = reduced_axes(node, &shape, forward)?;
    let before = (0..axis).filter(|axis| axes.contains(axis)).count();
    let is_kept = node.int("keepdims", 1) != 0;
    let output_axis = if is_kept { axis } else { axis - before };
    (!axes.is_empty() && !axes.contains(&axis)).then_some(output_axis)
}

/// The output has the same elements, with the axes permuted.
pub(super) fn transpose(node: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    node.ints("perm")?.iter().position(|&from| from == axis as i64)
}

/// The output has the same elements in another shape. The channels must still lie along one axis.
pub(super) fn reshape(node: &NodeProto, axis: usize, forward: &ForwardGraph) -> Option<usize> {
    let shape = forward.shape(node.input.first()?)?;
    let output = forward.shape(node.output.first()?)?;
    let before = |shape: &[usize], axis: usize| shape[..axis].iter().product::<usize>();
    let extent = *shape.get(axis)?;
    let is_same = |&to: &usize| output[to] == extent && before(&output, to) == before(&shape, axis);
    (0..output.len()).find(is_same)
}

/// The axes that a `ReduceMean` reduces, if the model gives them as an attribute or a constant.
pub(super) fn reduced_axes(
    node: &NodeProto,
    shape: &[usize],
    forward: &ForwardGraph,
) -> Option<Vec<usize>> {
    let given = node.ints("axes").map(<[i64]>::to_vec);
    let axes = given.or_else(|| forward.ints(node.input.get(1)?))?;
    axes.iter().map(|&axis| from_front(axis, shape.len()).ok()).collect()
}

/// Whether every window of a pool lies within its input. Then no cotangent goes to the padding.
pub(super) fn windows_lie_within_input(node: &NodeProto) -> bool {
    let is_unpadded = node.ints("pads").unwrap_or_default().iter().all(|&pad| pad == 0);
    let is_automatic = !matches!(node.string("auto_pad").unwrap_or("NOTSET"), "NOTSET" | "VALID");
    is_unpadded && !is_automatic && node.int("ceil_mode", 0) == 0
}
