//! The rules of layer-wise relevance propagation for convolutions y = w∗x + b. Each shares
//! relevance among *terms*: an input and a weight, of which parts may be left out.

use std::ops::Add;

use super::ancestors::is_nonnegative;
use crate::gradient::Reference;
use crate::gradient::convolution::conv_adjoint;
use crate::gradient::error::RuleError;
use crate::gradient::node_context::{Cotangent, NodeContext};
use crate::gradient::rules::lrp_refusal::two_live_inputs;
use crate::gradient::stabilizer::{stabilized, stabilized_above_0, stabilized_below_0};
use crate::onnx::Value;
use crate::onnx::pb::NodeProto;

/// γ of the γ rule.
const GAMMA: f32 = 0.25;

/// A part of the weights or of the bias.
type Part = fn(&Value) -> Value;

/// One summand of a denominator: the convolution of `x` by `weight` of w, plus `bias` of b.
struct Term {
    x: Value,
    weight: Part,
    bias: Option<Part>,
}

/// R_x = x⁺·w⁺ᵀ·s + x⁻·w⁻ᵀ·s with s = R/(w⁺∗x⁺ + w⁻∗x⁻ + b⁺ + ε).
pub(super) fn z_plus(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let terms = signed_terms(ctx, positive, negative)?;
    share(ctx, &ctx.g(), &terms, stabilized_above_0)
}

/// R_x = 2·R_x⁺ − R_x⁻. R_x⁺ is that of the z⁺ rule; R_x⁻ has the terms w⁻∗x⁺, w⁺∗x⁻ and b⁻.
pub(super) fn alpha_beta(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (supporting, opposing) =
        (signed_terms(ctx, positive, negative)?, signed_terms(ctx, negative, positive)?);
    let supporting = share(ctx, &ctx.g(), &supporting, stabilized_above_0)?;
    Ok(supporting * 2.0 - share(ctx, &ctx.g(), &opposing, stabilized_below_0)?)
}

/// Where y > 0, the terms are those of x⁺ with w + γw⁺ and of x⁻ with w + γw⁻. Where y < 0 they
/// are those of x⁺ with w + γw⁻ and of x⁻ with w + γw⁺ (Andéol et al. 2021,
/// <https://arxiv.org/abs/2105.05122>).
pub(super) fn gamma(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (more, less) = (signed_terms(ctx, raised, lowered)?, signed_terms(ctx, lowered, raised)?);
    let sign = ctx.y()?.sign();
    let above = share(ctx, &(ctx.g() * sign.relu()), &more, stabilized)?;
    Ok(above + share(ctx, &(ctx.g() * (-sign).relu()), &less, stabilized)?)
}

/// For pixels from l to h: R_x = x·wᵀ·s − l·w⁺ᵀ·s − h·w⁻ᵀ·s with s = R/(w∗x − w⁺∗l − w⁻∗h).
pub(super) fn boxed(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (low, high) =
        (ctx.at(Reference::Low, |ctx| ctx.x(0))?, ctx.at(Reference::High, |ctx| ctx.x(0))?);
    let term = |x: Value, weight: Part| Term { x, weight, bias: None };
    let terms = [term(ctx.x(0)?, Value::clone), term(-low, positive), term(-high, negative)];
    share(ctx, &ctx.g(), &terms, stabilized)
}

/// R_x: every element of a window gets the same part of R.
pub(super) fn flat(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let ones = ones(&ctx.x(0)?);
    share(ctx, &ctx.g(), &[Term { x: ones, weight: self::ones, bias: None }], stabilized_above_0)
}

/// The terms of x⁺ with `of_positive` of w and of b, and of x⁻ with `of_negative` of w. The second
/// is left out where x has no negative elements.
fn signed_terms(
    ctx: &mut NodeContext,
    of_positive: Part,
    of_negative: Part,
) -> Result<Vec<Term>, RuleError> {
    let (x, name) = (ctx.x(0)?, ctx.input_name(0)?);
    let bias = Some(of_positive);
    if is_nonnegative(ctx.forward(), name) {
        return Ok(vec![Term { x, weight: of_positive, bias }]);
    }
    Ok(vec![
        Term { x: positive(&x), weight: of_positive, bias },
        Term { x: negative(&x), weight: of_negative, bias: None },
    ])
}

/// Σ x·wᵀ·s over the terms, with s = R/(Σ (w∗x + b) + ε). `stabilized` adds the ε.
fn share(
    ctx: &mut NodeContext,
    relevance: &Value,
    terms: &[Term],
    stabilized: fn(&Value) -> Value,
) -> Cotangent {
    if !ctx.is_constant(1) {
        return Err(two_live_inputs());
    }
    let outputs = terms.iter().map(|term| convolved(ctx, term)).collect::<Result<Vec<_>, _>>()?;
    let sum = outputs.into_iter().reduce(Add::add);
    let part = sum.map_or_else(|| relevance.clone(), |sum| relevance / stabilized(&sum));
    let own = |Term { x, weight, .. }: &Term| Ok(x * conv_adjoint(ctx, &part, weight)?);
    let shares = terms.iter().map(own).collect::<Result<Vec<_>, RuleError>>()?;
    Ok(shares.into_iter().reduce(Add::add).unwrap_or(part))
}

/// w∗x + b of a term, by a copy of the node.
fn convolved(ctx: &mut NodeContext, term: &Term) -> Cotangent {
    let weight = (term.weight)(&ctx.x(1)?);
    let mut inputs = vec![term.x.clone(), weight];
    if let Some(bias) = term.bias.filter(|_| ctx.optional_input(2).is_some()) {
        inputs.push(bias(&ctx.x(2)?));
    }
    let shape = ctx.tape.shape(&ctx.node.output[0])?;
    let builder = &ctx.tape.builder;
    let name = builder.fresh("conv");
    builder.push(NodeProto {
        name: name.clone(),
        input: inputs.iter().map(|input| input.name().to_owned()).collect(),
        output: vec![name.clone()],
        ..ctx.node.clone()
    });
    Ok(builder.named(&name, term.x.element(), &shape))
}

/// max(v, 0).
fn positive(v: &Value) -> Value {
    v.relu()
}

/// min(v, 0).
fn negative(v: &Value) -> Value {
    -(-v).relu()
}

/// v + γ·max(v, 0).
fn raised(v: &Value) -> Value {
    v + positive(v) * GAMMA
}

/// v + γ·min(v, 0).
fn lowered(v: &Value) -> Value {
    v + negative(v) * GAMMA
}

/// 1 in place of every element.
fn ones(v: &Value) -> Value {
    v.builder().zeros(v.shape(), v.element()) + 1.0
}
