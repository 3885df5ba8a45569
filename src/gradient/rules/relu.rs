//! ReLUs as the sets of rules find them: `Relu`, and `Clip` with the lower bound 0, which is how
//! ReLU6 is exported.

use crate::gradient::forward_graph::ForwardGraph;
use crate::onnx::Attributes;
use crate::onnx::pb::NodeProto;

/// Whether `node` is a ReLU.
pub(super) fn is_relu(node: &NodeProto, forward: &ForwardGraph) -> bool {
    match node.op_type.as_str() {
        "Relu" => true,
        "Clip" => {
            let input = node.input.get(1).filter(|name| !name.is_empty());
            match input.map(|name| forward.floats(name)) {
                Some(bound) => bound.is_some_and(|bound| bound == [0.0]),
                None => node.float("min", f32::NEG_INFINITY) == 0.0,
            }
        }
        _ => false,
    }
}
