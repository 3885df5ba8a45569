//! Standard operators in forms that the engine does not know.

use super::draft::Draft;
use crate::onnx::builder::{Attribute, attribute};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, OnnxError, float_tensor};

/// Batch norm that normalizes by the statistics of its own batch is instance norm, because a batch
/// has one picture. Networks with standardized weights (BiT, NFNet) normalize their weights by it.
/// Otherwise it has one output, and nothing reads the others.
pub(super) fn batch_normalization(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let is_training = node.int("training_mode", 0) != 0;
    if node.output.len() <= 1 && !is_training {
        return Ok(false);
    }
    let mut changed = NodeProto { output: node.output[..1].to_vec(), ..node.clone() };
    if is_training {
        "InstanceNormalization".clone_into(&mut changed.op_type);
        changed.input.truncate(3);
        changed.attribute.retain(|attribute| attribute.name == "epsilon");
    }
    draft.rewrite(changed)?;
    Ok(true)
}

/// A ConstantOfShape without `value` gives zeros of float32.
pub(super) fn zeros_of_float32(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    if node.has("value") {
        return Ok(false);
    }
    let zero = Attribute::Tensor(Box::new(float_tensor("", &[1], &[0.0])));
    draft.rewrite(NodeProto { attribute: vec![attribute("value", &zero)], ..node.clone() })?;
    Ok(true)
}

/// An average pool whose window is larger than the picture covers every feature map as a whole.
/// With `ceil_mode` it has one window (the EfficientNets of transformers).
pub(super) fn average_pool(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let window = node.ints("kernel_shape").unwrap_or_default();
    let is_whole = !window.is_empty() && window.iter().all(|&extent| extent > draft.largest_side);
    let is_padded = node.ints("pads").unwrap_or_default().iter().any(|&pad| pad != 0);
    if !is_whole || is_padded || node.int("ceil_mode", 0) == 0 {
        return Ok(false);
    }
    let changed = NodeProto { attribute: Vec::new(), ..node.clone() };
    draft.rewrite(NodeProto { op_type: "GlobalAveragePool".to_owned(), ..changed })?;
    Ok(true)
}
