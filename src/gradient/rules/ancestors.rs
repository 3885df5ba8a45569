//! What the operators that lead to a value tell of it.

use std::collections::HashSet;

use super::relu::is_relu;
use crate::gradient::forward_graph::ForwardGraph;
use crate::onnx::pb::NodeProto;
use crate::onnx::reads;

/// Whether a layer with weights leads to `value`.
pub(super) fn follows_weights(forward: &ForwardGraph, value: &str) -> bool {
    let has_weights = |node: &NodeProto| {
        matches!(node.op_type.as_str(), "Conv" | "ConvTranspose" | "Gemm" | "MatMul")
    };
    let (mut open, mut seen) = (vec![value], HashSet::new());
    while let Some(value) = open.pop() {
        match forward.topology.producer(value) {
            Some(node) if has_weights(node) => return true,
            Some(node) => open.extend(reads(node).filter(|input| seen.insert(*input))),
            None => {}
        }
    }
    false
}

/// Whether `value` depends on the numbers of the picture, and not on its shape alone.
pub(super) fn is_live(forward: &ForwardGraph, value: &str) -> bool {
    let (mut open, mut seen) = (vec![value], HashSet::new());
    while let Some(value) = open.pop() {
        if forward.topology.is_constant(value) || forward.inferred_constant(value).is_some() {
            continue;
        }
        match forward.topology.producer(value) {
            Some(node) if matches!(node.op_type.as_str(), "Shape" | "Size") => {}
            Some(node) => open.extend(reads(node).filter(|input| seen.insert(*input))),
            None => return true,
        }
    }
    false
}

/// Whether the operators that lead to `value` show that it has no negative element.
pub(super) fn is_nonnegative(forward: &ForwardGraph, value: &str) -> bool {
    let (mut open, mut seen) = (vec![value], HashSet::new());
    while let Some(value) = open.pop() {
        let Some(node) = forward.topology.producer(value) else { return false };
        match node.op_type.as_str() {
            _ if is_relu(node, forward) => {}
            "HardSigmoid" | "Sigmoid" | "Softmax" => {}
            "AveragePool" | "Dropout" | "Flatten" | "GlobalAveragePool" | "GlobalMaxPool"
            | "Identity" | "MaxPool" | "ReduceMean" | "Reshape" | "Squeeze" | "Transpose"
            | "Unsqueeze" => {
                open.extend(reads(node).take(1).filter(|input| seen.insert(*input)));
            }
            "Add" | "Concat" => open.extend(reads(node).filter(|input| seen.insert(*input))),
            _ => return false,
        }
    }
    true
}
