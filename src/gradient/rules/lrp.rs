//! Layer-wise relevance propagation (Bach et al. 2015,
//! <https://doi.org/10.1371/journal.pone.0130140>), with the composites of Zennit: which rule each
//! kind of layer has.
//!
//! The cotangents of these graphs are relevances. The seed is the relevance of the logits. Each
//! rule shares the relevance R of an output among the inputs in proportion to what they contribute
//! to it.

use super::ancestors::follows_weights;
use super::lrp_conv::{alpha_beta, boxed, flat, gamma, z_plus};
use super::lrp_refusal::{no_rule, two_live_inputs};
use crate::gradient::node_context::{Cotangent, NodeContext, Rule};
use crate::gradient::rule_set::gradient_of;
use crate::gradient::stabilizer::stabilized;
use crate::gradient::table::{Kind, Operator};
use crate::gradient::{Reference, Rules};

/// Every layer has the ε rule.
pub const LRP_EPSILON: &Rules = &Rules {
    name: "lrp_epsilon",
    is_gradient_if_homogeneous: true,
    replacement: |row| rule(row, epsilon),
    ..*Rules::GRADIENT
};

/// Convolutions have the z⁺ rule.
pub const LRP_EPSILON_PLUS: &Rules =
    &Rules { name: "lrp_epsilon_plus", replacement: |row| rule(row, z_plus), ..*Rules::GRADIENT };

/// As `lrp_epsilon_plus`, but the first convolution has the flat rule.
pub const LRP_EPSILON_PLUS_FLAT: &Rules = &Rules {
    name: "lrp_epsilon_plus_flat",
    replacement: |row| rule(row, |ctx, argument| first(ctx, argument, flat, z_plus)),
    ..*Rules::GRADIENT
};

/// Convolutions have the γ rule, the first one that of a box of pixel values.
pub const LRP_EPSILON_GAMMA_BOX: &Rules = &Rules {
    name: "lrp_epsilon_gamma_box",
    references: &[Reference::Low, Reference::High],
    replacement: |row| rule(row, |ctx, argument| first(ctx, argument, boxed, gamma)),
    ..*Rules::GRADIENT
};

/// Convolutions have the αβ rule with α = 2 and β = 1.
pub const LRP_EPSILON_ALPHA2_BETA1: &Rules = &Rules {
    name: "lrp_epsilon_alpha2_beta1",
    replacement: |row| rule(row, alpha_beta),
    ..*Rules::GRADIENT
};

/// The rule of an operator, where convolutions have `conv`. None where relevance goes where the
/// cotangent goes: to the element that was moved or selected.
fn rule(operator: &Operator, conv: Rule) -> Option<Rule> {
    match (operator.name, operator.kind) {
        ("Conv", _) => Some(conv),
        ("Div" | "Mul" | "Neg", _) | (_, Kind::Activation) => Some(pass),
        (_, Kind::Linear) => Some(epsilon),
        (_, Kind::Rearrangement | Kind::Selection) => None,
        (_, Kind::Nonlinear) => Some(refuse),
    }
}

/// The rule `of_first` for a convolution that no other layer with weights precedes, else `of_rest`.
fn first(ctx: &mut NodeContext, argument: usize, of_first: Rule, of_rest: Rule) -> Cotangent {
    let input = ctx.input_name(0)?;
    let rule = if follows_weights(ctx.forward(), input) { of_rest } else { of_first };
    rule(ctx, argument)
}

/// y linear in x: R_x = x·(∂y/∂x)ᵀ·R/(y + ε·sign y). Biases keep their share.
fn epsilon(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let is_product =
        matches!(ctx.node.op_type.as_str(), "Conv" | "ConvTranspose" | "Gemm" | "MatMul");
    if is_product && argument < 2 && !ctx.is_constant(1 - argument) {
        return Err(two_live_inputs());
    }
    let share = ctx.g() / stabilized(&ctx.y()?);
    let carried = gradient_of(ctx, share, argument)?;
    Ok(ctx.x(argument)? * carried)
}

/// y is a function of x alone, element by element: R_x = R.
fn pass(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let mut others = (0..ctx.node.input.len()).filter(|&other| other != argument);
    if others.all(|other| ctx.is_constant(other)) { Ok(ctx.g()) } else { Err(two_live_inputs()) }
}

fn refuse(_: &mut NodeContext, _: usize) -> Cotangent {
    Err(no_rule())
}
