//! Guided backpropagation (Springenberg et al. 2014, <https://arxiv.org/abs/1412.6806>).

use super::relu::is_relu;
use crate::gradient::node_context::{Cotangent, NodeContext};
use crate::gradient::rule_set::{Requirement, gradient_of};
use crate::gradient::{Rules, node_context::Rule};

/// A ReLU passes the cotangent where its input and the cotangent are positive. Other activations
/// have their gradient, as in Captum and Zennit.
pub const GUIDED_BACKPROP: &Rules = &Rules {
    name: "guided_backprop",
    replacement: |operator| matches!(operator.name, "Clip" | "Relu").then_some(guided as Rule),
    requirement: Some(Requirement {
        is_met_by: is_relu,
        otherwise: "guided backpropagation changes how ReLUs pass gradients back, and this network \
                    has no ReLU; use saliency or input_x_gradient",
    }),
    ..*Rules::GRADIENT
};

/// y = max(x, 0), or min(max(x, 0), h). x̄ = max(ȳ, 0)·\[0 < y < h\].
fn guided(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let cotangent = if is_relu(ctx.node, ctx.forward()) { ctx.g().relu() } else { ctx.g() };
    gradient_of(ctx, cotangent, argument)
}
