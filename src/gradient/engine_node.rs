//! Nodes that an engine may compute in place of several standard ones.

use std::collections::HashMap;

use crate::onnx::pb::NodeProto;
use crate::onnx::{Attribute, ENGINE_DOMAIN, Model, Value, node_proto};

/// A node of the domain [`ENGINE_DOMAIN`] whose output is a value of the gradient graph, which
/// standard nodes compute too. They are slower, because an engine computes them one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineNode(NodeProto);

impl EngineNode {
    /// The node that computes `output` from `inputs` by `operator`.
    pub(super) fn new(
        operator: &str,
        inputs: &[&Value],
        attributes: &[(&str, Attribute)],
        output: &Value,
    ) -> Self {
        let mut node = node_proto(operator, inputs, attributes, output.name());
        ENGINE_DOMAIN.clone_into(&mut node.domain);
        Self(node)
    }

    /// `model` with `nodes` in place of the standard nodes that compute the same values.
    pub(super) fn replace(nodes: Vec<Self>, model: Model) -> Model {
        let nodes = nodes.into_iter().map(|Self(node)| (node.output[0].clone(), node));
        let mut by_output: HashMap<String, NodeProto> = nodes.collect();
        model.map_nodes(|node| match node.output.first() {
            Some(output) => by_output.remove(output).unwrap_or(node),
            None => node,
        })
    }
}
