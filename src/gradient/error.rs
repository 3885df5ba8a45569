use std::fmt;

use crate::onnx::OnnxError;

/// The reason why a gradient graph could not be derived.
#[derive(Debug, thiserror::Error)]
pub enum GradientError {
    /// The model's graph could not be read.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The value is neither the output of a node nor a graph input.
    #[error("the model computes no value called {0:?}")]
    UnknownValue(String),
    /// The value does not hold floats, so it has no gradient.
    #[error("value {0:?} does not hold floats and has no gradient")]
    NotFloat(String),
    /// No differentiable path leads from the layer to the logits.
    #[error("no differentiable path leads from layer {layer:?} to {logits:?}")]
    Unreachable {
        /// The layer.
        layer: String,
        /// The value that is differentiated.
        logits: String,
    },
    /// The type or the shape of a value on the path could not be inferred.
    #[error("the shape of value {0:?} could not be inferred")]
    UnknownShape(String),
    /// A forward value that the gradient graph reads has the name of the seed or of an output.
    #[error("the model's value {0:?} has a name that the gradient graph needs for itself")]
    NameTaken(String),
    /// A weight that the gradient graph reads is not among the given tensors of the forward model.
    #[error("the model has no weight called {0:?}, which the gradient graph reads")]
    MissingWeight(String),
    /// The rules change nothing in this network.
    #[error("{reason}")]
    RulesDoNotApply {
        /// The name of the rules.
        rules: &'static str,
        /// What the network lacks, and what to use instead.
        reason: &'static str,
    },
    /// Operators on the path that have no rule, or whose attributes their rule refuses.
    #[error("cannot be differentiated: {}", list(.0))]
    Refused(Vec<Refusal>),
}

/// A node on the path that cannot be differentiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The operator.
    pub operator: String,
    /// The node's name, or the name of its first output if the node has none.
    pub node: String,
    /// Why it cannot be differentiated.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (node {:?}): {}", self.operator, self.node, self.reason)
    }
}

fn list(refusals: &[Refusal]) -> String {
    let lines: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    lines.join("; ")
}

/// The reason why a rule refuses a node. It follows the operator and the node's name.
#[derive(Debug)]
pub(super) struct RuleError(pub(super) String);
