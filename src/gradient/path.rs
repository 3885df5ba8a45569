use std::collections::HashSet;

use super::GradientError;
use super::forward_graph::ForwardGraph;
use crate::onnx::pb::NodeProto;
use crate::onnx::reads;

/// The part of the graph that leads from the layers to the logits.
#[derive(Debug)]
pub(super) struct Path<'m> {
    /// Its nodes, in the order from the logits to the layers.
    pub(super) nodes: Vec<&'m NodeProto>,
    /// The values that depend on a layer and on which the logits depend.
    values: HashSet<&'m str>,
}

impl<'m> Path<'m> {
    pub(super) fn between(
        forward: &ForwardGraph<'m>,
        layers: &[&'m str],
        logits: &'m str,
    ) -> Result<Self, GradientError> {
        for &name in layers.iter().chain([&logits]) {
            if !forward.computes(name) {
                return Err(GradientError::UnknownValue(name.to_owned()));
            }
            if !forward.is_float(name) {
                return Err(GradientError::NotFloat(name.to_owned()));
            }
        }
        let topology = &forward.topology;
        let mut reached: HashSet<&str> = layers.iter().copied().collect();
        for &index in topology.order() {
            let node = topology.node(index);
            if reads(node).any(|name| reached.contains(name)) {
                reached.extend(
                    node.output.iter().filter(|name| forward.is_float(name)).map(|s| s.as_str()),
                );
            }
        }
        let mut values: HashSet<&str> = HashSet::from([logits]);
        let mut nodes = Vec::new();
        for &index in topology.order().iter().rev() {
            let node = topology.node(index);
            let leads =
                |name: &String| values.contains(name.as_str()) && reached.contains(name.as_str());
            if !node.output.iter().any(leads) {
                continue;
            }
            let inputs: Vec<&str> = reads(node).filter(|name| reached.contains(name)).collect();
            if !inputs.is_empty() {
                nodes.push(node);
            }
            values.extend(inputs);
        }
        match layers.iter().find(|layer| !values.contains(*layer)) {
            None => Ok(Self { nodes, values }),
            Some(layer) => Err(GradientError::Unreachable {
                layer: (*layer).to_owned(),
                logits: logits.to_owned(),
            }),
        }
    }

    /// Whether a cotangent of `value` is needed.
    pub(super) fn contains(&self, value: &str) -> bool {
        self.values.contains(value)
    }
}
