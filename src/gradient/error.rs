use std::fmt;

use crate::onnx::OnnxError;

/// Why no gradient graph could be derived.
#[derive(Debug, thiserror::Error)]
pub enum GradientError {
    /// The model's graph could not be read.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// Neither a node nor a graph input gives the value.
    #[error("the model computes no value called {0:?}")]
    UnknownValue(String),
    /// The value holds no floats, so it has no gradient.
    #[error("value {0:?} does not hold floats and has no gradient")]
    NotFloat(String),
    /// No differentiable path leads from the layer to the logits.
    #[error("no differentiable path leads from layer {layer:?} to {logits:?}")]
    Unreachable {
        /// The layer.
        layer: String,
        /// The value that was to be differentiated.
        logits: String,
    },
    /// Type or shape of a value on the path could not be inferred.
    #[error("the shape of value {0:?} could not be inferred")]
    UnknownShape(String),
    /// A forward value that the gradient graph reads has a name that the graph needs itself.
    #[error("the model's value {0:?} has a name that the gradient graph needs for itself")]
    NameTaken(String),
    /// A weight that the gradient graph reads is not in the model that was to give it.
    #[error("the model holds no weight called {0:?}, which the gradient graph reads")]
    MissingWeight(String),
    /// Operators on the path that have no rule, or whose attributes their rule refuses.
    #[error("cannot be differentiated: {}", list(.0))]
    Refused(Vec<Refusal>),
}

/// One node that stands in the way of the gradient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The operator.
    pub operator: String,
    /// The node's name, or its first output's where it has none.
    pub node: String,
    /// What the rule cannot do.
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

/// Why a rule refuses a node.
#[derive(Debug)]
pub(super) struct RuleError(pub(super) String);
