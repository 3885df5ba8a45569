//! The sliding windows of convolutions and pools.

use super::error::RuleError;
use super::node_context::NodeContext;
use crate::onnx::{Attributes, Value};

/// The longest stride that is derived. [`overlap_add`] writes nodes for each residue modulo the
/// stride.
pub(super) const LONGEST_STRIDE: usize = 1 << 12;
/// The most elements that a window may have. Overlapping windows need a node for each.
const LARGEST_WINDOW: usize = 1 << 14;
/// The largest extent of a dilated window along one axis.
const WIDEST_WINDOW: usize = 1 << 20;

/// One spatial axis of a sliding window over a padded input.
#[derive(Debug, Clone, Copy)]
pub(super) struct WindowAxis {
    /// The index of the axis in the tensor.
    pub(super) axis: usize,
    /// Extents of input, output and kernel along it.
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Padding before the first element.
    pub(super) begin: usize,
    /// Padding after the last element.
    pub(super) end: usize,
}

impl WindowAxis {
    /// The extent of one window, including the gaps of dilation.
    pub(super) fn span(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// The extent from the start of the first window to the end of the last.
    pub(super) fn covered(&self) -> usize {
        (self.output - 1) * self.stride + self.span()
    }
}

/// The spatial axes of the node's windows of shape `kernel`. The first two axes of the tensor are
/// batch and channel.
///
/// For `auto_pad` and `pads` see <https://onnx.ai/onnx/operators/onnx__Conv.html>.
pub(super) fn axes(ctx: &NodeContext, kernel: &[usize]) -> Result<Vec<WindowAxis>, RuleError> {
    let input = ctx.x_shape(0)?;
    let output = ctx.tape.shape(&ctx.node.output[0])?;
    let rank = kernel.len();
    if input.len() != rank + 2 || output.len() != rank + 2 || output.contains(&0) {
        return Err(RuleError(format!("a window {kernel:?} does not fit the shape {input:?}")));
    }
    let strides = attribute_list(ctx, "strides", rank, 1)?;
    let dilations = attribute_list(ctx, "dilations", rank, 1)?;
    let pads = attribute_list(ctx, "pads", 2 * rank, 0)?;
    let auto_pad = ctx.node.string("auto_pad").unwrap_or("NOTSET");
    let elements = kernel.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent));
    if elements.is_none_or(|count| count > LARGEST_WINDOW) {
        return Err(ctx.refuse("kernel_shape", kernel));
    }
    let axis = |i: usize| {
        let mut axis = WindowAxis {
            axis: i + 2,
            input: input[i + 2],
            output: output[i + 2],
            kernel: kernel[i],
            stride: strides[i],
            dilation: dilations[i],
            begin: 0,
            end: 0,
        };
        if axis.stride > LONGEST_STRIDE {
            return Err(ctx.refuse("strides", &strides));
        }
        if axis.dilation > WIDEST_WINDOW / axis.kernel {
            return Err(ctx.refuse("dilations", &dilations));
        }
        let total = axis.covered().saturating_sub(axis.input);
        (axis.begin, axis.end) = match auto_pad {
            "NOTSET" | "" => (pads[i], pads[i + rank]),
            "VALID" => (0, 0),
            "SAME_UPPER" => (total / 2, total - total / 2),
            "SAME_LOWER" => (total - total / 2, total / 2),
            other => return Err(ctx.refuse("auto_pad", other)),
        };
        Ok(axis)
    };
    (0..rank).map(axis).collect()
}

/// The attribute `kernel_shape`.
pub(super) fn kernel_shape(ctx: &NodeContext) -> Result<Vec<usize>, RuleError> {
    match ctx.node.ints("kernel_shape") {
        Some(shape) if shape.iter().all(|&extent| extent > 0) => {
            Ok(shape.iter().map(|&extent| extent as usize).collect())
        }
        other => Err(ctx.refuse("kernel_shape", other)),
    }
}

/// The attribute `name`, a list of `count` numbers that are at least `default`. If the node does
/// not have it, all numbers are `default`.
fn attribute_list(
    ctx: &NodeContext,
    name: &str,
    count: usize,
    default: usize,
) -> Result<Vec<usize>, RuleError> {
    let Some(values) = ctx.node.ints(name).filter(|values| !values.is_empty()) else {
        return Ok(vec![default; count]);
    };
    let values: Option<Vec<usize>> = values.iter().map(|&v| usize::try_from(v).ok()).collect();
    match values {
        Some(values) if values.len() == count && values.iter().all(|&v| v >= default) => Ok(values),
        _ => Err(ctx.refuse(name, ctx.node.ints(name))),
    }
}

/// The adjoint of taking windows. Element h of piece i is added at position `stride·h + dilation·i`
/// of an axis of `length` elements.
///
/// The positions are computed for one residue modulo the stride at a time. The residues are then
/// interleaved, so no scatter is needed.
pub(super) fn overlap_add(
    pieces: &[Value],
    axis: usize,
    stride: usize,
    dilation: usize,
    length: usize,
) -> Value {
    let extent = pieces[0].shape()[axis];
    let covered = stride * (extent - 1) + dilation * (pieces.len() - 1) + 1;
    let blocks = length.max(covered).div_ceil(stride);
    let phase = |residue: usize| {
        let own = pieces.iter().enumerate().filter(|(i, _)| i * dilation % stride == residue);
        let placed = own.map(|(i, piece)| {
            let before = i * dilation / stride;
            piece.pad(axis, before, blocks - before - extent)
        });
        placed.reduce(|sum, piece| sum + piece).unwrap_or_else(|| {
            let mut shape = pieces[0].shape().to_vec();
            shape[axis] = blocks;
            pieces[0].builder().zeros(&shape, pieces[0].element())
        })
    };
    let phases: Vec<Value> = (0..stride).map(phase).collect();
    interleave(&phases, axis).slice(axis, 0, length, 1)
}

/// Interleaves `phases` along `axis`: element `n·h + i` is element h of phase i of n.
fn interleave(phases: &[Value], axis: usize) -> Value {
    let mut merged = phases[0].shape().to_vec();
    let mut split = merged.clone();
    merged[axis] *= phases.len();
    split.insert(axis + 1, 1);
    let columns: Vec<Value> = phases.iter().map(|phase| phase.reshape(&split)).collect();
    Value::concat(&columns, axis + 1).reshape(&merged)
}
