//! DeepLIFT with the rescale rule (Shrikumar et al. 2017, <https://arxiv.org/abs/1704.02685>).
//!
//! The cotangents of this graph are multipliers: for each element, the change of the score divided
//! by the change of the element between the baseline and the picture. An index 0 marks the value at
//! the baseline.

use crate::gradient::error::RuleError;
use crate::gradient::node_context::{Cotangent, NodeContext, Rule};
use crate::gradient::rule_set::gradient_of;
use crate::gradient::table::{Kind, Operator};
use crate::gradient::{Reference, Rules};
use crate::onnx::Value;

/// Nonlinear functions have the slope between the baseline and the picture in place of their
/// derivative.
pub const DEEPLIFT: &Rules = &Rules {
    name: "deeplift",
    references: &[Reference::Baseline],
    replacement: rule,
    ..*Rules::GRADIENT
};

/// Changes below this have the derivative in place of the slope.
const SMALLEST_CHANGE: f32 = 1e-7;

fn rule(operator: &Operator) -> Option<Rule> {
    match (operator.name, operator.kind) {
        ("Div" | "Gemm" | "MatMul" | "Mul", _) => Some(product),
        ("GlobalMaxPool" | "MaxPool" | "ReduceMax", _) => Some(maximum),
        (_, Kind::Activation) | ("Max" | "Min", _) => Some(rescale),
        (_, Kind::Linear | Kind::Rearrangement) => None,
        (_, Kind::Selection | Kind::Nonlinear) => Some(refuse),
    }
}

/// y = f(x): m_x = m_y·(y − y₀)/(x − x₀).
fn rescale(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let mut others = (0..ctx.node.input.len()).filter(|&other| other != argument);
    if !others.all(|other| ctx.is_constant(other)) {
        return refuse(ctx, argument);
    }
    let change = ctx.y()? - ctx.at(Reference::Baseline, NodeContext::y)?;
    slope(ctx, argument, &(ctx.g() * change))
}

/// y is the maximum of elements. Where y > y₀, the picture's maximum has the change y − y₀, else
/// the baseline's maximum has it.
fn maximum(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let change = ctx.y()? - ctx.at(Reference::Baseline, NodeContext::y)?;
    let gain = ctx.g() * change.relu();
    let loss = -(ctx.g() * (-change).relu());
    let of_picture = gradient_of(ctx, gain, argument)?;
    let of_baseline = ctx.at(Reference::Baseline, |ctx| gradient_of(ctx, loss, argument))?;
    slope(ctx, argument, &(of_picture + of_baseline))
}

/// `contribution`/(x − x₀), or the gradient where that change is too small.
fn slope(ctx: &mut NodeContext, argument: usize, contribution: &Value) -> Cotangent {
    let change = ctx.x(argument)? - ctx.at(Reference::Baseline, |ctx| ctx.x(argument))?;
    let gradient = gradient_of(ctx, ctx.g(), argument)?;
    let is_large = (change.abs() - SMALLEST_CHANGE).relu().sign();
    let is_small = 1.0 - &is_large;
    let slope = contribution / (change + &is_small);
    Ok(is_large * slope + is_small * gradient)
}

/// y = ab: the mean of the gradients with the other factor at the picture and at the baseline, so
/// that m_a·(a − a₀) + m_b·(b − b₀) = m_y·(y − y₀). A quotient is a product with 1/b.
fn product(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let is_fixed =
        |ctx: &NodeContext| (0..2).any(|index| index != argument && ctx.is_constant(index));
    if argument > 1 || is_fixed(ctx) && !(ctx.node.op_type == "Div" && argument == 1) {
        return gradient_of(ctx, ctx.g(), argument);
    }
    if ctx.node.op_type == "Div" && argument == 1 {
        let (b, b0) = (ctx.x(1)?, ctx.at(Reference::Baseline, |ctx| ctx.x(1))?);
        let sum = ctx.x(0)? + ctx.at(Reference::Baseline, |ctx| ctx.x(0))?;
        return Ok(-(ctx.g() * sum * 0.5 / (b * b0)));
    }
    let of_picture = gradient_of(ctx, ctx.g(), argument)?;
    let of_baseline = ctx.at(Reference::Baseline, |ctx| gradient_of(ctx, ctx.g(), argument))?;
    Ok((of_picture + of_baseline) * 0.5)
}

fn refuse(_: &mut NodeContext, _: usize) -> Cotangent {
    Err(RuleError("DeepLIFT has no rule for it; use integrated_gradients".to_owned()))
}
