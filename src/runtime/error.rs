/// An error of the engine.
///
/// tract's errors have no kinds. A caller's mistake is therefore found before tract is called, and
/// tract's own messages are passed on unchanged.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The model's graph could not be read.
    #[error(transparent)]
    Onnx(#[from] crate::onnx::OnnxError),
    /// A value was asked for that the graph does not define.
    #[error("the graph has no value {0:?}")]
    NoSuchValue(String),
    /// The engine would ignore an attribute that changes the result.
    #[error(
        "{operator} (node {node:?}): the attribute {attribute:?} is not supported with its value; \
         export the model with standard operators in its place"
    )]
    IgnoredAttribute {
        /// The operator.
        operator: String,
        /// The node's name.
        node: String,
        /// The attribute.
        attribute: String,
    },
    /// The engine does not know an operator.
    #[error("the operator {operator} (node {node:?}) is not supported; {remedy}")]
    UnknownOperator {
        /// The operator.
        operator: String,
        /// The node's name, or the value that it computes.
        node: String,
        /// What the user can do.
        remedy: &'static str,
    },
    /// A value that does not depend on the picture takes too much memory or time to compute.
    #[error(
        "{operator} (node {node:?}) computes {what}; store the constant in the file (onnxsim \
         does), or make it smaller"
    )]
    CostlyConstant {
        /// The operator.
        operator: String,
        /// The node's name, or the value that it computes.
        node: String,
        /// Which constant, and what it costs.
        what: String,
    },
    /// tract could not read or compile a node.
    #[error(
        "{operator} (node {node:?}): {stage} failed ({cause}); simplify the file with onnxsim, or \
         export the model again with a fixed input size and another operator set"
    )]
    Node {
        /// The operator.
        operator: String,
        /// The node's name, or the value that it computes.
        node: String,
        /// What was being done.
        stage: &'static str,
        /// tract's innermost cause.
        cause: String,
    },
    /// The work was stopped before it was done.
    #[error(transparent)]
    Interrupted(#[from] super::Interrupted),
    /// tract could not read, type or run the graph.
    #[error("{stage}: {cause}")]
    Engine {
        /// What was being done.
        stage: &'static str,
        /// tract's own chain of causes.
        cause: String,
    },
}

impl RuntimeError {
    /// Wraps an error that tract reports during `stage`.
    pub(super) fn engine(stage: &'static str) -> impl Fn(tract_onnx::prelude::TractError) -> Self {
        move |error| Self::Engine { stage, cause: format!("{error:#}") }
    }
}
