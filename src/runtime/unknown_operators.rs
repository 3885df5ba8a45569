//! Operators that the engine does not know, found before it reads the graph.

use std::sync::LazyLock;

use tract_onnx::model::Onnx;

use super::{RuntimeError, own_operators};
use crate::onnx::pb::{GraphProto, NodeProto};
use crate::onnx::{Attributes, ENGINE_DOMAIN, Model, Topology};

/// The engine's table of operators.
static ENGINE: LazyLock<Onnx> = LazyLock::new(tract_onnx::onnx);

/// Refuses a node that the outputs depend on and whose operator the engine does not know.
///
/// # Errors
/// [`RuntimeError::UnknownOperator`], and those of [`Topology::of`].
pub(super) fn check(model: &Model) -> Result<(), RuntimeError> {
    let topology = Topology::of(model)?;
    let outputs: Vec<&str> = model.outputs().iter().map(|output| output.name.as_str()).collect();
    let needed = topology.ancestors(&outputs);
    check_nodes(needed.into_iter().map(|index| topology.node(index)))
}

fn check_nodes<'n>(nodes: impl Iterator<Item = &'n NodeProto>) -> Result<(), RuntimeError> {
    for node in nodes {
        let is_known = ENGINE.op_register.0.contains_key(&node.op_type)
            || (node.domain == ENGINE_DOMAIN && own_operators::contain(&node.op_type));
        if !is_known {
            return Err(RuntimeError::UnknownOperator {
                operator: node.op_type.clone(),
                node: label(node),
                remedy: remedy(&node.domain),
            });
        }
        node.graphs().try_for_each(check_subgraph)?;
    }
    Ok(())
}

fn check_subgraph(graph: &GraphProto) -> Result<(), RuntimeError> {
    check_nodes(graph.node.iter())
}

/// A node's name, or the value that it computes.
pub(super) fn label(node: &NodeProto) -> String {
    match node.name.as_str() {
        "" => node.output.first().cloned().unwrap_or_default(),
        name => name.to_owned(),
    }
}

fn remedy(domain: &str) -> &'static str {
    match domain {
        "" | "ai.onnx" => {
            "export the model again with an older operator set (opset 17 is widely supported), or \
             replace the operator in the network"
        }
        "com.microsoft" | "com.microsoft.nchwc" | "com.ms.internal.nhwc" => {
            "ONNX Runtime's optimizer writes it: use the file from before the optimization, or \
             optimize at the level basic"
        }
        "ai.onnx.ml" => "export the network alone, without scikit-learn's steps behind it",
        _ => "export the model again with the standard operators of ONNX",
    }
}
