//! AttnLRP (Achtibat et al. 2024, <https://arxiv.org/abs/2402.05602>) with the rule ε = 0 for
//! layers with weights, as input × gradient: the relevance of a value is the value times its
//! cotangent.

use super::ancestors::is_live;
use crate::gradient::Rules;
use crate::gradient::forward_graph::ForwardGraph;
use crate::gradient::node_context::{Cotangent, NodeContext, Rule};
use crate::gradient::rule_set::gradient_of;
use crate::gradient::table::Operator;
use crate::onnx::Attributes;

/// Normalizations have a constant denominator, activations the slope y/x, and each factor of a
/// product has half of the relevance. A softmax has its derivative, as in the paper.
pub const ATTNLRP: &Rules = &Rules { name: "attnlrp", replacement, ..*Rules::GRADIENT };

fn replacement(operator: &Operator) -> Option<Rule> {
    match operator.name {
        "Celu" | "Clip" | "Elu" | "Gelu" | "HardSwish" | "LeakyRelu" | "Mish" | "PRelu"
        | "Relu" | "Selu" | "Swish" | "Tanh" => Some(slope),
        "Einsum" | "Gemm" | "MatMul" => Some(product),
        "Mul" => Some(multiplied),
        "Div" => Some(divided),
        "LayerNormalization" => Some(layer_normalization),
        "LpNormalization" => Some(lp_normalization),
        _ => None,
    }
}

/// y = f(x): x̄ = ȳ·y/x.
fn slope(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    if argument > 0 {
        return zero(ctx, argument);
    }
    over_input(ctx)
}

/// ȳ·y/x, and 0 where x is 0.
fn over_input(ctx: &mut NodeContext) -> Cotangent {
    let x = ctx.x(0)?;
    let is_zero = 1.0 - x.abs().sign();
    Ok(ctx.g() * (ctx.y()? / (x + is_zero)))
}

/// A product of n factors that depend on the picture: each has the n-th part of its gradient.
fn product(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let factors = if ctx.node.op_type == "Gemm" { 2 } else { ctx.node.input.len() };
    let live = (0..factors).filter(|&factor| depends_on_picture(ctx, factor)).count();
    let cotangent = gradient_of(ctx, ctx.g(), argument)?;
    Ok(if argument < factors { cotangent * (1.0 / live.max(1) as f32) } else { cotangent })
}

/// y = ab. A gate, such as the σ(x) of x·σ(x), is a constant factor. Of two other factors each has
/// half of its gradient.
fn multiplied(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let other = 1 - argument;
    if !depends_on_picture(ctx, other) {
        return gradient_of(ctx, ctx.g(), argument);
    }
    let is_gate = |ctx: &NodeContext, factor: usize| {
        ctx.input_name(factor).is_ok_and(|name| is_gate(name, ctx.forward()))
    };
    match (is_gate(ctx, argument), is_gate(ctx, other)) {
        (true, false) => zero(ctx, argument),
        (false, true) => gradient_of(ctx, ctx.g(), argument),
        _ => Ok(gradient_of(ctx, ctx.g(), argument)? * 0.5),
    }
}

/// y = a/b. The denominator counts as a constant.
fn divided(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    if argument == 0 { gradient_of(ctx, ctx.g(), 0) } else { zero(ctx, argument) }
}

/// y = s·(x − mean x)/σ + b with a constant σ: x̄ = (ȳs − mean(ȳs))/σ.
fn layer_normalization(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    if argument > 0 {
        return zero(ctx, argument);
    }
    let x = ctx.x(0)?;
    let axes: Vec<usize> = (ctx.axis(-1, x.rank())?..x.rank()).collect();
    let scaled = ctx.g() * ctx.x(1)?;
    let variance = (&x - x.mean(&axes)).square().mean(&axes);
    let deviation = (variance + ctx.node.float("epsilon", 1e-5)).sqrt();
    Ok((&scaled - scaled.mean(&axes)) / deviation)
}

/// y = x/‖x‖ with a constant norm: x̄ = ȳ·y/x.
fn lp_normalization(ctx: &mut NodeContext, _: usize) -> Cotangent {
    over_input(ctx)
}

fn zero(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let shape = ctx.x_shape(argument)?;
    Ok(ctx.tape.builder.zeros(&shape, ctx.g().element()))
}

fn depends_on_picture(ctx: &NodeContext, argument: usize) -> bool {
    ctx.optional_input(argument).is_some_and(|name| is_live(ctx.forward(), name))
}

/// Whether `value` is a sigmoid, or a sum or product of one with constants.
fn is_gate<'m>(mut value: &'m str, forward: &ForwardGraph<'m>) -> bool {
    loop {
        let Some(node) = forward.topology.producer(value) else { return false };
        match node.op_type.as_str() {
            "Erf" | "HardSigmoid" | "Sigmoid" | "Tanh" => return true,
            "Add" | "Cast" | "Div" | "Mul" | "Sub" => {
                let mut live = node.input.iter().filter(|input| is_live(forward, input));
                match (live.next(), live.next()) {
                    (Some(only), None) => value = only,
                    _ => return false,
                }
            }
            _ => return false,
        }
    }
}
