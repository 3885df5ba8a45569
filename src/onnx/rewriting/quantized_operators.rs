//! Operators on quantized values become the same operators between DequantizeLinear and
//! QuantizeLinear. This is how ONNX defines them, up to the rounding of their sums.

use super::draft::{Draft, input, optional, output, unsupported};
use super::quantization::{centred, stored};
use crate::onnx::builder::Attribute;
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, OnnxError};

/// The dequantized value of a node: value, scale and zero point are inputs `first` to `first + 2`.
fn dequantized(node: &NodeProto, draft: &mut Draft, first: usize, axis: i64) -> Name {
    let zero_point = optional(node, first + 2).unwrap_or_default();
    let inputs = [input(node, first)?, input(node, first + 1)?, zero_point];
    draft.node("DequantizeLinear", &inputs, &[("axis", Attribute::Int(axis))])
}

type Name = Result<String, OnnxError>;

/// Quantizes `value` as the output of `node`. Scale and zero point are inputs `first` and the next.
/// Without a scale the output is not quantized.
fn quantized(
    node: &NodeProto,
    draft: &mut Draft,
    value: &str,
    first: usize,
) -> Result<bool, OnnxError> {
    let output = output(node)?;
    match optional(node, first) {
        Some(scale) => {
            let zero_point = optional(node, first + 1).unwrap_or_default();
            draft.node_to(output, "QuantizeLinear", &[value, scale, zero_point], &[])?;
        }
        None => draft.node_to(output, "Identity", &[value], &[])?,
    }
    Ok(true)
}

/// `value` with its channels moved, if `node` has the attribute `channels_last`.
fn moved(node: &NodeProto, draft: &mut Draft, value: String, order: [i64; 4]) -> Name {
    if node.int("channels_last", 0) == 0 {
        return Ok(value);
    }
    draft.node("Transpose", &[&value], &[("perm", Attribute::Ints(order.to_vec()))])
}

/// Whether the standard operator has the attribute too.
fn is_standard(attribute: &str) -> bool {
    !matches!(attribute, "channels_last" | "opset")
}

const TO_FIRST: [i64; 4] = [0, 3, 1, 2];
const TO_LAST: [i64; 4] = [0, 2, 3, 1];

/// QLinearConv.
pub(super) fn convolution(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let x = dequantized(node, draft, 0, 1)?;
    let x = moved(node, draft, x, TO_FIRST)?;
    let weight = dequantized(node, draft, 3, 0)?;
    let bias = match optional(node, 8) {
        Some(bias) => scaled(node, draft, bias, [input(node, 1)?, input(node, 4)?], 1.0)?,
        None => String::new(),
    };
    let y = draft.node_like(node, "Conv", &[&x, &weight, &bias], is_standard)?;
    let y = moved(node, draft, y, TO_LAST)?;
    quantized(node, draft, &y, 6)
}

/// A stored bias of integers, multiplied by both `scales` and by `factor`.
fn scaled(node: &NodeProto, draft: &mut Draft, bias: &str, scales: [&str; 2], factor: f32) -> Name {
    let [first, second] = scales;
    let (first, second) = (stored(node, draft, first)?, stored(node, draft, second)?);
    let values = stored(node, draft, bias)?;
    let pick = |list: &[f32], index: usize| match list {
        [one] => Some(*one),
        _ => list.get(index).copied(),
    };
    let number = |(index, value): (usize, f32)| {
        Some(value * pick(&first, index)? * pick(&second, index)? * factor)
    };
    let values: Option<Vec<f32>> = values.into_iter().enumerate().map(number).collect();
    let values = values.ok_or_else(|| unsupported(node, "its scales do not fit its bias"))?;
    Ok(draft.floats(&[values.len()], &values))
}

/// QLinearMatMul.
pub(super) fn product(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let (a, b) = (dequantized(node, draft, 0, -2)?, dequantized(node, draft, 3, -1)?);
    let y = draft.node("MatMul", &[&a, &b], &[])?;
    quantized(node, draft, &y, 6)
}

/// QGemm: α·a·b + c, with c in units of α and both scales.
pub(super) fn gemm(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let a = dequantized(node, draft, 0, 1)?;
    let channels = if node.int("transB", 0) != 0 { 0 } else { 1 };
    let b = dequantized(node, draft, 3, channels)?;
    let c = match optional(node, 6) {
        Some(c) => {
            let alpha = node.float("alpha", 1.0);
            scaled(node, draft, c, [input(node, 1)?, input(node, 4)?], alpha)?
        }
        None => String::new(),
    };
    let y = draft.node_like(node, "Gemm", &[&a, &b, &c], is_standard)?;
    quantized(node, draft, &y, 7)
}

/// ConvInteger and MatMulInteger: the product of both inputs without their zero points.
pub(super) fn integer_product(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let is_convolution = node.op_type == "ConvInteger";
    let (operator, axis) = if is_convolution { ("Conv", 0) } else { ("MatMul", -1) };
    let a = centred(node, draft, input(node, 0)?, optional(node, 2), -2)?;
    let b = centred(node, draft, input(node, 1)?, optional(node, 3), axis)?;
    let y = draft.node_like(node, operator, &[&a, &b], is_standard)?;
    draft.node_to(output(node)?, "Identity", &[&y], &[])?;
    Ok(true)
}

/// QLinearAdd and QLinearMul.
pub(super) fn binary(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let (a, b) = (dequantized(node, draft, 0, 1)?, dequantized(node, draft, 3, 1)?);
    let y = draft.node(node.op_type.trim_start_matches("QLinear"), &[&a, &b], &[])?;
    quantized(node, draft, &y, 6)
}

/// QLinearSigmoid, QLinearLeakyRelu and QLinearSoftmax.
pub(super) fn unary(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let x = dequantized(node, draft, 0, 1)?;
    let operator = node.op_type.trim_start_matches("QLinear");
    let y = draft.node_like(node, operator, &[&x], is_standard)?;
    quantized(node, draft, &y, 3)
}

/// QLinearAveragePool and QLinearGlobalAveragePool.
pub(super) fn pool(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let x = dequantized(node, draft, 0, 1)?;
    let x = moved(node, draft, x, TO_FIRST)?;
    let operator = node.op_type.trim_start_matches("QLinear");
    let y = draft.node_like(node, operator, &[&x], is_standard)?;
    let y = moved(node, draft, y, TO_LAST)?;
    quantized(node, draft, &y, 3)
}

/// QLinearConcat. Scale and zero point of the output come first.
pub(super) fn concatenation(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let firsts = (2..node.input.len()).step_by(3);
    let parts = firsts.map(|first| dequantized(node, draft, first, 1));
    let parts = parts.collect::<Result<Vec<String>, OnnxError>>()?;
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let y = draft.node_like(node, "Concat", &names, is_standard)?;
    quantized(node, draft, &y, 0)
}
