//! Rules of convolutions: the adjoint of a convolution is a transposed convolution.

use super::error::RuleError;
use super::flip::Flip;
use super::node_context::{Cotangent, NodeContext};
use super::window::{WindowAxis, axes, overlap_add};
use crate::onnx::{Attribute, Attributes, Value};

/// y = w ∗ x + b. x̄ is the transposed convolution of ȳ by w.
///
/// With stride 1 this is again a convolution, by the flipped kernel with input and output channels
/// exchanged. Engines compute convolutions far faster than transposed convolutions. For depthwise
/// kernels this is faster with a larger stride too: ȳ then gets zeros between its elements.
pub(super) fn conv(ctx: &mut NodeContext, _: usize) -> Cotangent {
    conv_adjoint(ctx, &ctx.g(), Value::clone)
}

/// The transposed convolution of `g` by `part` of w. `part` changes each weight by itself.
pub(super) fn conv_adjoint(
    ctx: &mut NodeContext,
    g: &Value,
    part: impl Fn(&Value) -> Value,
) -> Cotangent {
    let weight_shape = ctx.x_shape(1)?;
    let group = group(ctx)?;
    let axes = axes(ctx, &weight_shape[2..])?;
    let is_depthwise = group == weight_shape[0] && weight_shape[1] == 1;
    let flips = axes.iter().all(|a| {
        (a.stride == 1 || is_depthwise)
            && a.begin < a.span()
            && a.input + a.begin >= a.covered() - (a.span() - 1)
    });
    let flipped = if flips { flipped_weight(ctx, group)? } else { None };
    match flipped {
        Some(weight) => Ok(flipped_conv(g, &part(&weight), group, &axes)),
        None => Ok(transposed_conv(g, &part(&ctx.x(1)?), group, &axes)),
    }
}

/// y = transposed convolution of x by w. x̄ is the convolution of ȳ by w.
pub(super) fn conv_transpose(ctx: &mut NodeContext, _: usize) -> Cotangent {
    for attribute in ["output_shape", "auto_pad"] {
        let value = ctx.node.string(attribute).unwrap_or_default();
        if ctx.node.has(attribute) && !matches!(value, "NOTSET" | "VALID") {
            return Err(ctx.refuse(attribute, value));
        }
    }
    let weight = ctx.x(1)?;
    let mut axes = axes(ctx, &weight.shape()[2..])?;
    let mut shape = ctx.x_shape(0)?;
    shape[1] = ctx.g().shape()[1];
    // The adjoint exchanges input and output.
    for axis in &mut axes {
        std::mem::swap(&mut axis.input, &mut axis.output);
        let full = (axis.input + axis.begin + axis.end - axis.span()) / axis.stride + 1;
        shape[axis.axis] = full;
    }
    let group = group(ctx)?;
    let mut cotangent = convolve(&ctx.g(), &weight, group, &axes, weight.shape()[0]);
    for axis in &axes {
        cotangent = cotangent.slice(axis.axis, 0, axis.output, 1);
    }
    Ok(cotangent)
}

fn group(ctx: &NodeContext) -> Result<usize, RuleError> {
    match usize::try_from(ctx.node.int("group", 1)) {
        Ok(group) if group > 0 => Ok(group),
        _ => Err(ctx.refuse("group", ctx.node.int("group", 1))),
    }
}

fn flipped_conv(g: &Value, weight: &Value, group: usize, axes: &[WindowAxis]) -> Value {
    let mut spaced = g.clone();
    let mut adjoint = Vec::new();
    for a in axes {
        let length = a.covered() + 1 - a.span();
        spaced = overlap_add(std::slice::from_ref(&spaced), a.axis, a.stride, 1, length);
        let begin = a.span() - 1 - a.begin;
        let end = a.input + a.begin - length;
        adjoint.push(WindowAxis { input: length, output: a.input, stride: 1, begin, end, ..*a });
    }
    convolve(&spaced, weight, group, &adjoint, weight.shape()[0])
}

fn convolve(
    x: &Value,
    weight: &Value,
    group: usize,
    axes: &[WindowAxis],
    channels: usize,
) -> Value {
    let mut shape = vec![x.shape()[0], channels];
    shape.extend(axes.iter().map(|a| (a.input + a.begin + a.end - a.span()) / a.stride + 1));
    let attributes = attributes(group, axes);
    x.builder().node("Conv", &[x, weight], &attributes, x.element(), &shape)
}

fn transposed_conv(g: &Value, weight: &Value, group: usize, axes: &[WindowAxis]) -> Value {
    let mut axes = axes.to_vec();
    let mut missing = Vec::new();
    for a in &mut axes {
        // Elements at the end of the axis that no window reaches.
        let unread = (a.input + a.begin + a.end).saturating_sub(a.covered());
        let less = unread.min(a.end);
        a.end -= less;
        missing.push((unread - less) as i64);
    }
    let mut shape = vec![g.shape()[0], weight.shape()[1] * group];
    shape.extend(axes.iter().map(|a| a.input));
    let mut attributes = attributes(group, &axes);
    if missing.iter().any(|&rows| rows > 0) {
        attributes.push(("output_padding", Attribute::Ints(missing)));
    }
    g.builder().node("ConvTranspose", &[g, weight], &attributes, g.element(), &shape)
}

fn attributes(group: usize, axes: &[WindowAxis]) -> Vec<(&'static str, Attribute<'static>)> {
    let list =
        |of: fn(&WindowAxis) -> usize| axes.iter().map(|a| of(a) as i64).collect::<Vec<i64>>();
    let pads = [list(|a| a.begin), list(|a| a.end)].concat();
    vec![
        ("dilations", Attribute::Ints(list(|a| a.dilation))),
        ("group", Attribute::Int(group as i64)),
        ("kernel_shape", Attribute::Ints(list(|a| a.kernel))),
        ("pads", Attribute::Ints(pads)),
        ("strides", Attribute::Ints(list(|a| a.stride))),
    ]
}

/// The stored weight with every kernel reversed and, within each group, input and output channels
/// exchanged. It keeps its element type. None if the weight is computed or in an external file.
fn flipped_weight(ctx: &mut NodeContext, group: usize) -> Result<Option<Value>, RuleError> {
    let shape = ctx.x_shape(1)?;
    let taps = shape[2..].iter().product();
    let flip = Flip { group, outputs: shape[0] / group, inputs: shape[1], taps };
    let dims = [&[group * shape[1], flip.outputs], &shape[2..]].concat();
    let name = ctx.input_name(1)?;
    Ok(ctx.tape.flipped(name, flip, &dims))
}
