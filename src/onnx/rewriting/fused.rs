//! Operators in which ONNX Runtime's optimizer joins several of the standard ones.

use super::draft::{Draft, input, optional, output, unsupported};
use crate::onnx::builder::Attribute;
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, OnnxError};

/// Whether an attribute does not belong to the activation.
fn is_own(attribute: &str) -> bool {
    !attribute.starts_with("activation")
}

/// The first three inputs of `node`, of which the last may be missing.
fn operands(node: &NodeProto) -> Vec<&str> {
    node.input.iter().take(3).map(String::as_str).collect()
}

/// FusedConv: a convolution, the addition of a fourth input, an activation.
pub(super) fn convolution(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let mut value = draft.node_like(node, "Conv", &operands(node), is_own)?;
    if let Some(summand) = optional(node, 3) {
        value = draft.node("Add", &[&value, summand], &[])?;
    }
    let parameters = node.floats("activation_params").unwrap_or_default().to_vec();
    activate(node, draft, &value, &parameters)
}

/// FusedGemm: a Gemm and an activation.
pub(super) fn gemm(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let value = draft.node_like(node, "Gemm", &operands(node), is_own)?;
    let names = ["activation_alpha", "activation_beta"];
    let given = names.iter().filter(|name| node.has(name));
    let parameters: Vec<f32> = given.map(|name| node.float(name, 0.0)).collect();
    activate(node, draft, &value, &parameters)
}

/// Writes the activation that `node` names, with its parameters in the order of ONNX Runtime.
fn activate(
    node: &NodeProto,
    draft: &mut Draft,
    value: &str,
    parameters: &[f32],
) -> Result<bool, OnnxError> {
    let output = output(node)?;
    let activation = node.string("activation").unwrap_or_default();
    match (activation, parameters) {
        ("", _) => draft.node_to(output, "Identity", &[value], &[])?,
        ("Relu" | "Sigmoid" | "Tanh", _) => draft.node_to(output, activation, &[value], &[])?,
        ("LeakyRelu", &[alpha]) => {
            draft.node_to(output, activation, &[value], &[("alpha", Attribute::Float(alpha))])?;
        }
        ("HardSigmoid", &[alpha, beta]) => {
            let attributes = [("alpha", Attribute::Float(alpha)), ("beta", Attribute::Float(beta))];
            draft.node_to(output, activation, &[value], &attributes)?;
        }
        ("Clip", &[low, high]) => {
            let (low, high) = (draft.scalar(low), draft.scalar(high));
            draft.node_to(output, activation, &[value, &low, &high], &[])?;
        }
        _ => {
            let reason = format!("its activation {activation:?} is not known; {SAVE_BASIC}");
            return Err(unsupported(node, &reason));
        }
    }
    Ok(true)
}

/// The remedy for what ONNX Runtime's optimizer has written.
pub(super) const SAVE_BASIC: &str =
    "save the model with ONNX Runtime's graph optimization level ORT_ENABLE_BASIC";

/// FusedMatMul: α·a·b.
pub(super) fn product(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let transposed = ["transA", "transB", "transBatchA", "transBatchB"];
    if let Some(name) = transposed.into_iter().find(|name| node.int(name, 0) != 0) {
        return Err(unsupported(node, &format!("{name} is not known; {SAVE_BASIC}")));
    }
    let value = draft.node("MatMul", &[input(node, 0)?, input(node, 1)?], &[])?;
    let alpha = draft.scalar(node.float("alpha", 1.0));
    draft.node_to(output(node)?, "Mul", &[&value, &alpha], &[])?;
    Ok(true)
}

/// Gelu and BiasGelu: x·½(1 + erf(x/√2)). FastGelu: x·½(1 + tanh(√(2/π)·(x + 0.044715·x³))).
/// BiasGelu and FastGelu add their second input first.
pub(super) fn gelu(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let x = input(node, 0)?;
    let x = match optional(node, 1) {
        Some(bias) => draft.node("Add", &[x, bias], &[])?,
        None => x.to_owned(),
    };
    let (half, one) = (draft.scalar(0.5), draft.scalar(1.0));
    let bounded = if node.op_type == "FastGelu" {
        let square = draft.node("Mul", &[&x, &x], &[])?;
        let factor = draft.scalar(0.044_715);
        let square = draft.node("Mul", &[&square, &factor], &[])?;
        let sum = draft.node("Add", &[&square, &one], &[])?;
        let cubic = draft.node("Mul", &[&x, &sum], &[])?;
        let factor = draft.scalar(0.797_884_6);
        let inner = draft.node("Mul", &[&cubic, &factor], &[])?;
        draft.node("Tanh", &[&inner], &[])?
    } else {
        let factor = draft.scalar(std::f32::consts::FRAC_1_SQRT_2);
        let inner = draft.node("Mul", &[&x, &factor], &[])?;
        draft.node("Erf", &[&inner], &[])?
    };
    let sum = draft.node("Add", &[&bounded, &one], &[])?;
    let share = draft.node("Mul", &[&sum, &half], &[])?;
    draft.node_to(output(node)?, "Mul", &[&x, &share], &[])?;
    Ok(true)
}

/// QuickGelu: x·σ(αx).
pub(super) fn quick_gelu(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let x = input(node, 0)?;
    let alpha = draft.scalar(node.float("alpha", 1.702));
    let scaled = draft.node("Mul", &[x, &alpha], &[])?;
    let gate = draft.node("Sigmoid", &[&scaled], &[])?;
    draft.node_to(output(node)?, "Mul", &[x, &gate], &[])?;
    Ok(true)
}

/// SkipLayerNormalization: the layer norm of the sum of two values and a bias. The fourth output
/// is the sum.
pub(super) fn skip_layer_normalization(
    node: &NodeProto,
    draft: &mut Draft,
) -> Result<bool, OnnxError> {
    let mut sum = draft.node("Add", &[input(node, 0)?, input(node, 1)?], &[])?;
    if let Some(bias) = optional(node, 4) {
        sum = draft.node("Add", &[&sum, bias], &[])?;
    }
    let scale = input(node, 2)?;
    let shift = optional(node, 3).unwrap_or_default();
    let attributes =
        [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(node.float("epsilon", 1e-12)))];
    draft.node_to(output(node)?, "LayerNormalization", &[&sum, scale, shift], &attributes)?;
    if let Some(name) = node.output.get(3).filter(|name| !name.is_empty()) {
        draft.node_to(name, "Identity", &[&sum], &[])?;
    }
    Ok(true)
}

/// NhwcMaxPool: a max-pool with the channels in the last axis.
pub(super) fn nhwc_max_pool(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let perm = |order: [i64; 4]| [("perm", Attribute::Ints(order.to_vec()))];
    let x = draft.node("Transpose", &[input(node, 0)?], &perm([0, 3, 1, 2]))?;
    let pooled = draft.node_like(node, "MaxPool", &[&x], |_| true)?;
    draft.node_to(output(node)?, "Transpose", &[&pooled], &perm([0, 2, 3, 1]))?;
    Ok(true)
}
