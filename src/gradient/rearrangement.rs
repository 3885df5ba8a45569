//! Rules of operators that move or repeat all elements.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext, from_front};
use crate::onnx::{Attribute, Attributes, Value};

/// y = x in another shape. x̄ = ȳ in x's shape.
pub(super) fn reshape(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g().reshape(&ctx.x_shape(0)?))
}

/// y = x with its axes permuted. x̄ = ȳ with the inverse permutation.
pub(super) fn transpose(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let g = ctx.g();
    let reversed: Vec<i64> = (0..g.rank() as i64).rev().collect();
    let permutation = ctx.node.ints("perm").unwrap_or(&reversed);
    let mut inverse = vec![0; g.rank()];
    for (to, &from) in permutation.iter().enumerate() {
        inverse[from_front(from, g.rank() - 1)?] = to;
    }
    Ok(g.transpose(&inverse))
}

/// y = the inputs, concatenated along `axis`. x̄ᵢ = the i-th part of ȳ.
pub(super) fn concat(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let g = ctx.g();
    let axis = ctx.axis(1, g.rank())?;
    let mut start = 0;
    for index in 0..argument {
        start += ctx.x_shape(index)?[axis];
    }
    let extent = ctx.x_shape(argument)?[axis];
    Ok(g.slice(axis, start, start + extent, 1))
}

/// yᵢ = the i-th part of x along `axis`. x̄ = the ȳᵢ, concatenated. The ȳᵢ of an unused output is
/// 0.
pub(super) fn split(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let g = ctx.g();
    let axis = ctx.axis(0, g.rank())?;
    let mut parts = Vec::new();
    for (name, cotangent) in ctx.node.output.iter().zip(ctx.output_cotangents) {
        parts.push(match cotangent {
            Some(cotangent) => cotangent.clone(),
            None => g.builder().zeros(&ctx.tape.shape(name)?, g.element()),
        });
    }
    Ok(Value::concat(&parts, axis))
}

/// y = x broadcast to a larger shape. x̄ = ȳ, which the driver sums over the broadcast axes.
pub(super) fn expand(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g())
}

/// y = x repeated rᵢ times along axis i. x̄ = Σ ȳ over the repetitions.
pub(super) fn tile(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let shape = ctx.x_shape(0)?;
    let repeats = ctx.ints(1)?;
    let split: Vec<usize> =
        repeats.iter().zip(&shape).flat_map(|(&repeat, &dim)| [repeat as usize, dim]).collect();
    let axes: Vec<usize> = (0..shape.len()).map(|axis| 2 * axis).collect();
    Ok(ctx.g().reshape(&split).sum(&axes).reshape(&shape))
}

/// y = blocks of channels moved to space, in the order of `mode`. x̄ = ȳ moved back to channels.
pub(super) fn depth_to_space(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let shape = ctx.x_shape(0)?;
    let block = ctx.node.int("blocksize", 1) as usize;
    let [n, c, h, w] = nchw(&shape)?;
    let depth = c / (block * block);
    let cells = ctx.g().reshape(&[n, depth, h, block, w, block]);
    let order = match ctx.node.string("mode").unwrap_or("DCR") {
        "DCR" => [0, 3, 5, 1, 2, 4],
        "CRD" => [0, 1, 3, 5, 2, 4],
        other => return Err(ctx.refuse("mode", other)),
    };
    Ok(cells.transpose(&order).reshape(&shape))
}

/// y = blocks of space moved to channels. x̄ = ȳ moved back to space.
pub(super) fn space_to_depth(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let shape = ctx.x_shape(0)?;
    let block = ctx.node.int("blocksize", 1) as usize;
    let [n, c, h, w] = nchw(&shape)?;
    let cells = ctx.g().reshape(&[n, block, block, c, h / block, w / block]);
    Ok(cells.transpose(&[0, 3, 4, 1, 5, 2]).reshape(&shape))
}

/// y = the sums of x up to each position of an axis. x̄ = the sums of ȳ from each position on.
pub(super) fn cum_sum(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (g, axis) = (ctx.g(), ctx.ints(1)?);
    let &[axis] = axis.as_slice() else { return Err(ctx.refuse("axis", axis)) };
    let attributes = [
        ("exclusive", Attribute::Int(ctx.node.int("exclusive", 0))),
        ("reverse", Attribute::Int(1 - ctx.node.int("reverse", 0))),
    ];
    let axis = g.builder().ints(&[axis]).reshape(&[]);
    Ok(g.builder().node("CumSum", &[&g, &axis], &attributes, g.element(), g.shape()))
}

/// y = one triangle of each matrix, and 0 elsewhere. x̄ = the same triangle of ȳ.
pub(super) fn trilu(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let g = ctx.g();
    let diagonal = if ctx.optional_input(1).is_some() { ctx.ints(1)? } else { vec![0] };
    let &[diagonal] = diagonal.as_slice() else { return Err(ctx.refuse("k", diagonal)) };
    let attributes = [("upper", Attribute::Int(ctx.node.int("upper", 1)))];
    let diagonal = g.builder().ints(&[diagonal]).reshape(&[]);
    Ok(g.builder().node("Trilu", &[&g, &diagonal], &attributes, g.element(), g.shape()))
}

fn nchw(shape: &[usize]) -> Result<[usize; 4], RuleError> {
    shape
        .try_into()
        .map_err(|_| RuleError(format!("its input has {} dimensions, not 4", shape.len())))
}
