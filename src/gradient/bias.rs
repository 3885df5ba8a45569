//! The biases of operators: what they add to their output whatever the picture is.
//!
//! Each function gives the bias b of one operator in a shape that broadcasts to the output's. None
//! where the node has no bias, or where its bias depends on the picture.

use super::error::RuleError;
use super::node_context::NodeContext;
use super::normalization::{batch_factor, per_channel};
use crate::onnx::{Attributes, Value};

/// The bias of a node of one operator.
pub(super) type BiasRule = fn(&mut NodeContext) -> Result<Option<Value>, RuleError>;

/// Input `index`, if the node has it and it is the same for every picture.
fn constant(ctx: &mut NodeContext, index: usize) -> Result<Option<Value>, RuleError> {
    let is_given = ctx.optional_input(index).is_some() && ctx.is_constant(index);
    is_given.then(|| ctx.x(index)).transpose()
}

/// Input `index`, with one number for each channel.
fn constant_per_channel(ctx: &mut NodeContext, index: usize) -> Result<Option<Value>, RuleError> {
    let rank = ctx.g().rank();
    Ok(constant(ctx, index)?.map(|bias| per_channel(&bias, rank)))
}

/// y = w ∗ x + b.
pub(super) fn conv(ctx: &mut NodeContext) -> Result<Option<Value>, RuleError> {
    constant_per_channel(ctx, 2)
}

/// y = α·a·b + β·c. The bias is β·c.
pub(super) fn gemm(ctx: &mut NodeContext) -> Result<Option<Value>, RuleError> {
    let beta = ctx.node.float("beta", 1.0);
    Ok(constant(ctx, 2)?.map(|c| if beta == 1.0 { c } else { c * beta }))
}

/// y = Σ xᵢ. The bias is the sum of the constant xᵢ.
pub(super) fn sum(ctx: &mut NodeContext) -> Result<Option<Value>, RuleError> {
    let mut bias: Option<Value> = None;
    for index in 0..ctx.node.input.len() {
        if let Some(term) = constant(ctx, index)? {
            bias = Some(match bias {
                Some(earlier) => earlier + term,
                None => term,
            });
        }
    }
    Ok(bias)
}

/// y = a − b. The bias is a or −b.
pub(super) fn sub(ctx: &mut NodeContext) -> Result<Option<Value>, RuleError> {
    match constant(ctx, 0)? {
        Some(a) => Ok(Some(a)),
        None => Ok(constant(ctx, 1)?.map(|b| -b)),
    }
}

/// y = s·(x − μ)/√(σ² + ε) + b. The bias is b − s·μ/√(σ² + ε).
pub(super) fn batch_normalization(ctx: &mut NodeContext) -> Result<Option<Value>, RuleError> {
    let bias = ctx.x(2)? - ctx.x(3)? * batch_factor(ctx)?;
    Ok(Some(per_channel(&bias, ctx.g().rank())))
}

/// y = s·x̂ + b.
pub(super) fn instance_normalization(ctx: &mut NodeContext) -> Result<Option<Value>, RuleError> {
    constant_per_channel(ctx, 2)
}

/// y = s·x̂ + b. b has the shape of the normalised axes.
pub(super) fn layer_normalization(ctx: &mut NodeContext) -> Result<Option<Value>, RuleError> {
    constant(ctx, 2)
}

/// y = s·x̂ + b. b has one number per group before opset 21, and one per channel since then.
pub(super) fn group_normalization(ctx: &mut NodeContext) -> Result<Option<Value>, RuleError> {
    let (rank, channels) = (ctx.g().rank(), ctx.g().shape()[1]);
    let Some(bias) = constant(ctx, 2)? else { return Ok(None) };
    let groups: usize = bias.shape().iter().product();
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(ctx.refuse("num_groups", groups));
    }
    let each = bias.reshape(&[groups, 1]).broadcast_to(&[groups, channels / groups]);
    Ok(Some(per_channel(&each.reshape(&[channels]), rank)))
}
