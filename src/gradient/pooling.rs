//! Rules of pools. The cotangent goes to the elements from which the windows took their values.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext};
use super::window::{WindowAxis, axes, kernel_shape, overlap_add};
use crate::onnx::{Attribute, Attributes, Value};

/// y = maximum over each window. x̄ = ȳ at the window's first maximum.
pub(super) fn max_pool(ctx: &mut NodeContext, _: usize) -> Cotangent {
    if ctx.node.int("storage_order", 0) != 0 {
        return Err(ctx.refuse("storage_order", 1));
    }
    let axes = axes(ctx, &kernel_shape(ctx)?)?;
    let (image, g) = (ctx.x(0)?, ctx.g());
    let mut x = image.clone();
    for a in &axes {
        let after = a.covered().saturating_sub(a.begin + a.input);
        if a.begin + after > 0 {
            x = x.pad_with(a.axis, a.begin, after, f32::NEG_INFINITY);
        }
    }
    let y = ctx.y()?;
    let mut rest = g.clone();
    let mut cotangent = route(&x, &y, &mut rest, &axes);
    for a in &axes {
        cotangent = cotangent.slice(a.axis, a.begin, a.begin + a.input, 1);
    }
    if let [_, _] = axes.as_slice() {
        let list = |of: fn(&WindowAxis) -> usize| {
            Attribute::Ints(axes.iter().map(|a| of(a) as i64).collect())
        };
        let window = [
            ("kernel_shape", list(|a| a.kernel)),
            ("strides", list(|a| a.stride)),
            ("dilations", list(|a| a.dilation)),
            ("pads_before", list(|a| a.begin)),
        ];
        ctx.tape.engine_node("MaxPoolGradient", &[&image, &g], &window, &cotangent);
    }
    Ok(cotangent)
}

/// Moves each window's cotangent from `rest` to the first element of the window that equals `y`.
/// Elements are visited in row-major order.
///
/// No element is greater than its window's maximum, so sign(y − x) is 0 at a maximum and 1
/// elsewhere. This uses arithmetic on floats, because engines compute that faster than selection by
/// booleans.
fn route(x: &Value, y: &Value, rest: &mut Value, axes: &[WindowAxis]) -> Value {
    let Some((a, inner)) = axes.split_first() else {
        let passed_on = &*rest * (y - x).sign();
        let taken = &*rest - &passed_on;
        *rest = passed_on;
        return taken;
    };
    let length = x.shape()[a.axis];
    let reach = (a.output - 1) * a.stride + 1;
    let pieces: Vec<Value> = (0..a.kernel)
        .map(|i| i * a.dilation)
        .map(|offset| x.slice(a.axis, offset, offset + reach, a.stride))
        .map(|elements| route(&elements, y, rest, inner))
        .collect();
    overlap_add(&pieces, a.axis, a.stride, a.dilation, length)
}

/// y = mean over each window. x̄ = Σ ȳ/count over the windows that contain the element.
///
/// With `count_include_pad` the padding counts. The positions that `ceil_mode` adds beyond it never
/// count, so a window that is larger than the picture averages over the picture.
pub(super) fn average_pool(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    if covers_the_picture(ctx)? {
        return global_average_pool(ctx, argument);
    }
    let include_pad = ctx.node.int("count_include_pad", 0) != 0;
    let axes = axes(ctx, &kernel_shape(ctx)?)?;
    let mut cotangent = ctx.g();
    for a in &axes {
        let counts: Vec<f32> = (0..a.output).map(|h| a.count(h, include_pad)).collect();
        if counts.iter().all(|&count| count == counts[0]) {
            cotangent = cotangent * (1.0 / counts[0]);
        } else {
            let mut shape = vec![1; cotangent.rank()];
            shape[a.axis] = a.output;
            let shares: Vec<f32> = counts.iter().map(|count| 1.0 / count).collect();
            cotangent = cotangent * ctx.tape.builder.floats("share", &shape, &shares);
        }
    }
    for a in &axes {
        cotangent = window_sums(&cotangent, a);
    }
    Ok(cotangent)
}

/// Whether the only window has no padding and at least the extents of the picture.
fn covers_the_picture(ctx: &NodeContext) -> Result<bool, RuleError> {
    let (kernel, shape) = (kernel_shape(ctx)?, ctx.x_shape(0)?);
    let is_padded = ctx.node.ints("pads").unwrap_or_default().iter().any(|&pad| pad != 0);
    let is_plain =
        !is_padded && ctx.node.ints("dilations").is_none_or(|it| it.iter().all(|&step| step == 1));
    let is_one = ctx.g().shape().iter().skip(2).all(|&extent| extent == 1);
    let is_larger = kernel.len() + 2 == shape.len()
        && kernel.iter().zip(&shape[2..]).all(|(window, extent)| window >= extent);
    Ok(is_plain && is_one && is_larger)
}

impl WindowAxis {
    /// The number of elements over which window `h` averages.
    fn count(&self, h: usize, include_pad: bool) -> f32 {
        let (low, high) = if include_pad {
            (0, self.begin + self.input + self.end)
        } else {
            (self.begin, self.begin + self.input)
        };
        let positions = (0..self.kernel).map(|i| h * self.stride + i * self.dilation);
        positions.filter(|position| (low..high).contains(position)).count() as f32
    }
}

/// For each element of the input, the sum of `g` over the windows that contain it, along one axis.
fn window_sums(g: &Value, a: &WindowAxis) -> Value {
    let length = (a.begin + a.input).max(a.covered());
    let whole = if a.output == 1 && a.dilation == 1 {
        let mut shape = g.shape().to_vec();
        shape[a.axis] = a.kernel;
        g.broadcast_to(&shape).pad(a.axis, 0, length - a.kernel)
    } else {
        overlap_add(&vec![g.clone(); a.kernel], a.axis, a.stride, a.dilation, length)
    };
    whole.slice(a.axis, a.begin, a.begin + a.input, 1)
}

/// y = mean over all positions. x̄ = ȳ/count.
pub(super) fn global_average_pool(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let shape = ctx.x_shape(0)?;
    let count: usize = shape.iter().skip(2).product();
    Ok(ctx.g().scaled_to(&shape, 1.0 / count as f32))
}

/// y = maximum over all positions. x̄ = ȳ at the first maximum.
pub(super) fn global_max_pool(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let shape = ctx.x_shape(0)?;
    if shape.len() < 2 {
        return Err(RuleError(format!("a shape {shape:?} has no positions to pool over")));
    }
    let count: usize = shape[2..].iter().product();
    let first = ctx.x(0)?.reshape(&[shape[0], shape[1], count]).argmax(2);
    let positions: Vec<i64> = (0..count as i64).collect();
    let hit = first.equal(&ctx.tape.builder.ints(&positions));
    Ok(hit.mask(&ctx.g().reshape(&[shape[0], shape[1], 1])).reshape(&shape))
}
