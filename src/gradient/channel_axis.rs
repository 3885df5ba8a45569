//! Where the channels of a value stand behind an operator whose output's cotangent has the same sums
//! over positions as the input's: the column `channel_axis` of the operators' table.

use super::forward_graph::ForwardGraph;
use super::node_context::from_front;
use crate::onnx::Attributes;
use crate::onnx::pb::NodeProto;

/// The axis of the output along which the channels stand, where
/// the output's cotangent has the same sums over positions as the input's. The arguments are the
/// node, the channels' axis in its first input, and the graph.
pub(super) type ChannelAxis = fn(&NodeProto, usize, &ForwardGraph) -> Option<usize>;

/// x̄ = ȳ.
pub(super) fn same_axis(_: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    Some(axis)
}

/// x̄ = ȳ unless the node is told to train.
pub(super) fn dropout(node: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    (node.input.len() < 3).then_some(axis)
}

/// Every window gives its cotangent to one element, or a share of it to each.
pub(super) fn pool(node: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    (axis == 1 && windows_lie_within_input(node)).then_some(1)
}

/// The window is the whole feature map.
pub(super) fn global_pool(_: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    (axis == 1).then_some(1)
}

/// Every element gets the same share of the mean's cotangent.
pub(super) fn reduce_mean(node: &NodeProto, axis: usize, forward: &ForwardGraph) -> Option<usize> {
    let shape = forward.shape(node.input.first()?)?;
    let axes = reduced_axes(node, &shape, forward)?;
    let before = (0..axis).filter(|axis| axes.contains(axis)).count();
    let is_kept = node.int("keepdims", 1) != 0;
    let behind = if is_kept { axis } else { axis - before };
    (!axes.is_empty() && !axes.contains(&axis)).then_some(behind)
}

/// The same elements with the axes permuted.
pub(super) fn transpose(node: &NodeProto, axis: usize, _: &ForwardGraph) -> Option<usize> {
    node.ints("perm")?.iter().position(|&from| from == axis as i64)
}

/// The same elements in another shape, in which the channels still stand along one axis.
pub(super) fn reshape(node: &NodeProto, axis: usize, forward: &ForwardGraph) -> Option<usize> {
    let shape = forward.shape(node.input.first()?)?;
    let behind = forward.shape(node.output.first()?)?;
    let before = |shape: &[usize], axis: usize| shape[..axis].iter().product::<usize>();
    let extent = *shape.get(axis)?;
    let is_same = |&to: &usize| behind[to] == extent && before(&behind, to) == before(&shape, axis);
    (0..behind.len()).find(is_same)
}

/// The axes that a `ReduceMean` reduces, where the file names them.
pub(super) fn reduced_axes(
    node: &NodeProto,
    shape: &[usize],
    forward: &ForwardGraph,
) -> Option<Vec<usize>> {
    let given = node.ints("axes").map(<[i64]>::to_vec);
    let axes = given.or_else(|| forward.ints(node.input.get(1)?))?;
    axes.iter().map(|&axis| from_front(axis, shape.len()).ok()).collect()
}

/// Whether every window of a pool lies within its input, so that the padding gets no share.
pub(super) fn windows_lie_within_input(node: &NodeProto) -> bool {
    let is_unpadded = node.ints("pads").unwrap_or_default().iter().all(|&pad| pad == 0);
    let is_automatic = !matches!(node.string("auto_pad").unwrap_or("NOTSET"), "NOTSET" | "VALID");
    is_unpadded && !is_automatic && node.int("ceil_mode", 0) == 0
}
