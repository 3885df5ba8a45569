//! The deconvolutional network (Zeiler and Fergus 2013, <https://arxiv.org/abs/1311.2901>).

use super::relu::is_relu;
use crate::gradient::node_context::{Cotangent, NodeContext};
use crate::gradient::rule_set::{Requirement, gradient_of};
use crate::gradient::{Rules, node_context::Rule};

/// A ReLU passes the cotangent where the cotangent is positive, whatever its input is. Other
/// activations have their gradient.
pub const DECONVNET: &Rules = &Rules {
    name: "deconvnet",
    replacement: |operator| matches!(operator.name, "Clip" | "Relu").then_some(rectified as Rule),
    requirement: Some(Requirement {
        is_met_by: is_relu,
        otherwise: "the deconvolutional network changes how ReLUs pass gradients back, and this \
                    network has no ReLU; use saliency or input_x_gradient",
    }),
    ..*Rules::GRADIENT
};

/// y = max(x, 0), or min(max(x, 0), h). x̄ = max(ȳ, 0).
fn rectified(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    if is_relu(ctx.node, ctx.forward()) {
        return Ok(ctx.g().relu());
    }
    gradient_of(ctx, ctx.g(), argument)
}
