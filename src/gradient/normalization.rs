//! Rules of normalisations, as they are at inference.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext};
use super::window::overlap_add;
use crate::onnx::{Attributes, Value};

/// y = s·(x − μ)/√(σ² + ε) + b with stored μ and σ². x̄ = ȳ·s/√(σ² + ε).
pub(super) fn batch_normalization(ctx: &mut NodeContext, _: usize) -> Cotangent {
    if ctx.node.int("training_mode", 0) != 0 {
        return Err(ctx.refuse("training_mode", 1));
    }
    if ctx.node.int("spatial", 1) == 0 {
        return Err(ctx.refuse("spatial", 0));
    }
    Ok(ctx.g() * per_channel(&batch_factor(ctx)?, ctx.g().rank()))
}

/// s/√(σ² + ε) of a batch normalisation, one number per channel.
pub(super) fn batch_factor(ctx: &mut NodeContext) -> Result<Value, RuleError> {
    let epsilon = ctx.node.float("epsilon", 1e-5);
    Ok(ctx.x(1)? / (ctx.x(4)? + epsilon).sqrt())
}

/// y = s·x̂ + b with x̂ normalised over the positions of each channel.
pub(super) fn instance_normalization(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (x, g) = (ctx.x(0)?, ctx.g());
    let scaled = g * per_channel(&ctx.x(1)?, x.rank());
    let axes: Vec<usize> = (2..x.rank()).collect();
    Ok(normalization_cotangent(&x, &scaled, &axes, ctx.node.float("epsilon", 1e-5)))
}

/// y = s·x̂ + b with x̂ normalised over the axes from `axis` on.
pub(super) fn layer_normalization(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let x = ctx.x(0)?;
    let axes: Vec<usize> = (ctx.axis(-1, x.rank())?..x.rank()).collect();
    let scaled = ctx.g() * ctx.x(1)?;
    Ok(normalization_cotangent(&x, &scaled, &axes, ctx.node.float("epsilon", 1e-5)))
}

/// y = s·x̂ + b with x̂ normalised over each group of channels. s has one number per group before
/// opset 21, and one per channel since then.
pub(super) fn group_normalization(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (x, g, scale) = (ctx.x(0)?, ctx.g(), ctx.x(1)?);
    let groups = ctx.node.int("num_groups", 1) as usize;
    let shape = x.shape().to_vec();
    if groups == 0 || !shape[1].is_multiple_of(groups) {
        return Err(ctx.refuse("num_groups", groups));
    }
    let rest: usize = shape[1..].iter().product::<usize>() / groups;
    let split = [shape[0], groups, rest];
    let scaled = if ctx.opset() >= 21 {
        (g * per_channel(&scale, x.rank())).reshape(&split)
    } else {
        g.reshape(&split) * scale.reshape(&[groups, 1])
    };
    let epsilon = ctx.node.float("epsilon", 1e-5);
    Ok(normalization_cotangent(&x.reshape(&split), &scaled, &[2], epsilon).reshape(&shape))
}

/// y = (x − μ)/(σ + 10⁻⁹) over `axes`.
pub(super) fn mean_variance_normalization(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let axes = ctx.node.ints("axes").unwrap_or(&[0, 2, 3]).to_vec();
    let x = ctx.x(0)?;
    let axes = axes.iter().map(|&axis| super::node_context::from_front(axis, x.rank()));
    let axes = axes.collect::<Result<Vec<usize>, RuleError>>()?;
    Ok(normalization_cotangent(&x, &ctx.g(), &axes, 0.0))
}

/// x̂ = (x − μ)·r with r = 1/√(σ² + ε), over `axes`. x̄ = r·(ĝ − mean ĝ − x̂·mean(ĝ·x̂)), where ĝ,
/// the argument `g`, is the cotangent of x̂.
fn normalization_cotangent(x: &Value, g: &Value, axes: &[usize], epsilon: f32) -> Value {
    let centered = x - x.mean(axes);
    let deviation = (centered.square().mean(axes) + epsilon).sqrt();
    let unit = centered / &deviation;
    (g - g.mean(axes) - &unit * (g * &unit).mean(axes)) / deviation
}

/// y = x/s^β with s = k + α/n·Σ x² over n neighbouring channels.
///
/// x̄ = ȳ/s^β − 2αβ/n·x·Σ ȳ·x/s^(β+1). The sum is over the channels whose window contains x.
pub(super) fn lrn(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 1e-4);
    let beta = ctx.node.float("beta", 0.75);
    let bias = ctx.node.float("bias", 1.0);
    let size = ctx.node.int("size", 1).max(1) as usize;
    let (g, x) = (ctx.g(), ctx.x(0)?);
    let (before, after) = ((size - 1) / 2, size / 2);
    let share = alpha / size as f32;
    let s = sum_of_neighbours(&x.square(), size, after) * share + bias;
    let scaled = g * s.pow(&s.constant(-beta));
    let inner = sum_of_neighbours(&(&scaled * &x / s), size, before);
    Ok(scaled - x * inner * (2.0 * share * beta))
}

/// Channel c of the result is the sum over the channels c − size + 1 + skip … c + skip of `x`.
fn sum_of_neighbours(x: &Value, size: usize, skip: usize) -> Value {
    let channels = x.shape()[1];
    overlap_add(&vec![x.clone(); size], 1, 1, 1, channels + size - 1).slice(
        1,
        skip,
        skip + channels,
        1,
    )
}

/// y = x/‖x‖ along `axis`. x̄ = (ȳ − y·Σ ȳy)/‖x‖ for p = 2, (ȳ − sign(x)·Σ ȳy)/‖x‖₁ for p = 1,
/// and 0 where the norm is 0.
pub(super) fn lp_normalization(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (g, x, y) = (ctx.g(), ctx.x(0)?, ctx.y()?);
    let axis = [ctx.axis(-1, x.rank())?];
    let inner = (&g * &y).sum(&axis);
    let (norm, direction) = match ctx.node.int("p", 2) {
        1 => (x.abs().sum(&axis), x.sign()),
        2 => (x.square().sum(&axis).sqrt(), y),
        p => return Err(ctx.refuse("p", p)),
    };
    let is_zero = norm.equal(&norm.constant(0.0));
    Ok(is_zero.select(&norm.constant(0.0), &((g - direction * inner) / norm)))
}

/// One number per channel, in a shape that broadcasts over a value of `rank` dimensions.
pub(super) fn per_channel(values: &Value, rank: usize) -> Value {
    let channels: usize = values.shape().iter().product();
    let mut shape = vec![1; rank.saturating_sub(1)];
    if let Some(first) = shape.first_mut() {
        *first = channels;
    }
    values.reshape(&shape)
}
