//! How many multiplications an operator takes for each element that it reads or writes.

use std::collections::HashMap;

use crate::onnx::Attributes;
use crate::onnx::pb::NodeProto;

/// An upper bound of the multiplications for each element that `node` reads or writes.
/// `inputs` are the shapes that it reads, `written` is the number of elements that it computes.
pub(super) fn contraction(node: &NodeProto, inputs: &[Vec<u64>], written: u64) -> u64 {
    let volume = |shape: &Vec<u64>| shape.iter().fold(1u64, |all, &it| all.saturating_mul(it));
    let read = |index: usize| inputs.get(index).map_or(1, volume);
    let window = || {
        node.ints("kernel_shape")
            .unwrap_or_default()
            .iter()
            .fold(1, |all: u64, &it| all.saturating_mul(it.max(1) as u64))
    };
    match node.op_type.as_str() {
        // One filter, for each element of the output or the input.
        "Conv" | "ConvTranspose" => {
            let filters = inputs.get(1).and_then(|shape| shape.first()).copied().unwrap_or(1);
            (read(1) / filters.max(1)).max(1)
        }
        // (N × K) · (K × M) has √(NK · KM / NM) = K for each element.
        "Gemm" | "MatMul" => {
            (u128::from(read(0)) * u128::from(read(1)) / u128::from(written.max(1))).isqrt() as u64
        }
        "Einsum" => einsum(node, inputs),
        "AveragePool" | "LpPool" | "MaxPool" => window(),
        "LRN" => node.int("size", 1).max(1) as u64,
        // Each element of the sequence meets all weights at most, each box or key all others.
        "Attention" | "GRU" | "LSTM" | "NonMaxSuppression" | "RNN" => {
            (0..inputs.len()).map(read).fold(0, u64::saturating_add)
        }
        _ => 1,
    }
    .max(1)
}

/// The product of the extents of all indices that are summed over.
fn einsum(node: &NodeProto, inputs: &[Vec<u64>]) -> u64 {
    let equation: String = node.string("equation").unwrap_or_default().split_whitespace().collect();
    let (terms, output) = equation.split_once("->").unwrap_or((&equation, ""));
    let mut extents: HashMap<char, u64> = HashMap::new();
    for (term, shape) in terms.split(',').zip(inputs) {
        // An ellipsis stands for the axes between the letters before and behind it.
        let (before, behind) = term.split_once("...").unwrap_or((term, ""));
        let front = before.chars().zip(shape);
        for (index, &extent) in front.chain(behind.chars().rev().zip(shape.iter().rev())) {
            let known = extents.entry(index).or_insert(1);
            *known = extent.max(*known);
        }
    }
    let summed = extents.iter().filter(|(index, _)| !output.contains(**index));
    summed.fold(1, |all, (_, &extent)| all.saturating_mul(extent))
}
