//! Resize of operator set 10. By nearest neighbour it takes the element at or before a position.
//! tract 0.23 rounds as the later operator sets do, unless the node says how.

use std::borrow::Cow;

use crate::onnx::pb::attribute_proto::AttributeType;
use crate::onnx::pb::{AttributeProto, ModelProto, NodeProto};
use crate::onnx::{Attributes, Model};

/// The attribute by which later operator sets say how to round.
const ROUNDING: &str = "nearest_mode";

/// The model for tract: with the rounding written out where it is implied. Only such a model is
/// copied.
pub(super) fn with_rounding(model: &Model) -> Cow<'_, ModelProto> {
    let implies = |node: &NodeProto| node.op_type == "Resize" && !node.has(ROUNDING);
    if model.opset() != 10 || !model.graph().node.iter().any(implies) {
        return Cow::Borrowed(model.proto());
    }
    let mut proto = model.proto().clone();
    let nodes = proto.graph.iter_mut().flat_map(|graph| &mut graph.node);
    for node in nodes.filter(|node| implies(node)) {
        node.attribute.push(AttributeProto {
            name: ROUNDING.to_owned(),
            r#type: AttributeType::String as i32,
            s: b"floor".to_vec(),
            ..AttributeProto::default()
        });
    }
    Cow::Owned(proto)
}
