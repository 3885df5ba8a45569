use super::GradientError;
use super::forward_graph::ForwardGraph;
use super::path::Path;
use super::table::{Kind, find};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Facts, Model};

/// Whether f(ax) = a·f(x) for a > 0 holds for every activation f between `value` and `logits`, as
/// it does for ReLUs. Then the relevance of `value` by the ε rule is the value times its gradient,
/// but for the ε.
///
/// # Errors
/// [`GradientError`].
pub fn has_homogeneous_activations(
    model: &Model,
    facts: &Facts,
    value: &str,
    logits: &str,
) -> Result<bool, GradientError> {
    let forward = ForwardGraph::of(model, facts)?;
    let path = Path::between(&forward, &[value], logits)?;
    let is_homogeneous = |node: &&NodeProto| match find(node) {
        Some(row) if row.kind == Kind::Activation => {
            matches!(row.name, "Abs" | "LeakyRelu" | "PRelu" | "Relu")
        }
        Some(row) => row.kind != Kind::Nonlinear,
        None => false,
    };
    Ok(path.nodes.iter().all(is_homogeneous))
}
