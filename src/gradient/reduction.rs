//! Rules of reductions over axes.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext, from_front};
use crate::onnx::{Attributes, Value};

/// The reduced axes, the input's shape, and the cotangent `g` in the shape `kept`, in which the
/// reduced axes have extent 1.
struct ReducedCotangent {
    axes: Vec<usize>,
    kept: Vec<usize>,
    shape: Vec<usize>,
    g: Value,
}

impl ReducedCotangent {
    /// `axes` are an attribute in older opsets and an input in newer ones (from 13 for `ReduceSum`,
    /// from 18 for the others). Without axes all are reduced, or none with `noop_with_empty_axes`.
    fn of(ctx: &NodeContext) -> Result<Self, RuleError> {
        let shape = ctx.x_shape(0)?;
        let axes = match ctx.ints_or_input("axes", 1)? {
            Some(axes) if !axes.is_empty() => axes
                .iter()
                .map(|&axis| from_front(axis, shape.len()))
                .collect::<Result<Vec<usize>, RuleError>>()?,
            _ if ctx.node.int("noop_with_empty_axes", 0) != 0 => Vec::new(),
            _ => (0..shape.len()).collect(),
        };
        let mut kept = shape.clone();
        axes.iter().for_each(|&axis| kept[axis] = 1);
        let g = ctx.g().reshape(&kept);
        Ok(Self { axes, kept, shape, g })
    }

    /// The number of elements that are reduced to one.
    fn count(&self) -> f32 {
        self.axes.iter().map(|&axis| self.shape[axis]).product::<usize>() as f32
    }
}

/// y = Σ x. x̄ = ȳ.
pub(super) fn sum(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let r = ReducedCotangent::of(ctx)?;
    Ok(r.g.broadcast_to(&r.shape))
}

/// y = Σ x / n. x̄ = ȳ/n.
pub(super) fn mean(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let r = ReducedCotangent::of(ctx)?;
    Ok(r.g.scaled_to(&r.shape, 1.0 / r.count()))
}

/// y = max x or min x. x̄ = ȳ·\[x = y\]/m, where m elements equal y.
pub(super) fn extremum(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let r = ReducedCotangent::of(ctx)?;
    let hit = ctx.x(0)?.equal(&ctx.y()?.reshape(&r.kept));
    let ties = hit.cast(r.g.element()).sum(&r.axes);
    Ok(hit.mask(&(r.g / ties)))
}

/// y = Σ |x|. x̄ = ȳ·sign(x).
pub(super) fn l1(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let r = ReducedCotangent::of(ctx)?;
    Ok(r.g * ctx.x(0)?.sign())
}

/// y = √Σ x². x̄ = ȳ·x/y, and 0 where y = 0.
pub(super) fn l2(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let r = ReducedCotangent::of(ctx)?;
    let y = ctx.y()?.reshape(&r.kept);
    let inverse = y.equal(&y.constant(0.0)).select(&y, &(r.g / &y));
    Ok(inverse * ctx.x(0)?)
}

/// y = Σ x². x̄ = 2ȳx.
pub(super) fn sum_square(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let r = ReducedCotangent::of(ctx)?;
    Ok(r.g * ctx.x(0)? * 2.0)
}

/// y = ln Σ x. x̄ = ȳ·e⁻ʸ.
pub(super) fn log_sum(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let r = ReducedCotangent::of(ctx)?;
    let y = ctx.y()?.reshape(&r.kept);
    Ok((r.g * (-y).exp()).broadcast_to(&r.shape))
}

/// y = ln Σ eˣ. x̄ = ȳ·e^(x − y).
pub(super) fn log_sum_exp(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let r = ReducedCotangent::of(ctx)?;
    let y = ctx.y()?.reshape(&r.kept);
    Ok(r.g * (ctx.x(0)? - y).exp())
}
