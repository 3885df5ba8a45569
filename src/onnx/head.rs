use super::{Attributes, Elements, Model, Topology};
use crate::config::Activation;

/// The end of a classifier: which value holds the logits, and what follows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The graph's first output.
    pub output: String,
    /// The input of the final softmax or sigmoid. Without one, the output itself.
    pub logits: String,
    /// The final activation, if the graph ends in one.
    pub activation: Option<Activation>,
}

impl Head {
    /// Walks back from the first output through operators that keep the values (`Identity`,
    /// `Reshape`, `Cast` …) to the activation.
    ///
    /// A graph without outputs has an empty head.
    #[must_use]
    pub fn of(model: &Model, topology: &Topology) -> Self {
        let output = model.outputs().first().map_or("", |output| output.name.as_str());
        let mut value = output;
        while let Some(node) = topology.producer(value) {
            let source = node.input.first().map_or("", String::as_str);
            match node.op_type.as_str() {
                // The softmax of log-probabilities is the softmax of the logits.
                "Softmax" | "LogSoftmax" if is_over_classes(node.int("axis", -1)) => {
                    return Self::ending(output, source, Activation::Softmax);
                }
                "Sigmoid" => return Self::ending(output, source, Activation::Sigmoid),
                _ if Elements::after(node) == Elements::Kept => value = source,
                _ => break,
            }
        }
        Self { output: output.to_owned(), logits: output.to_owned(), activation: None }
    }

    fn ending(output: &str, logits: &str, activation: Activation) -> Self {
        Self { output: output.to_owned(), logits: logits.to_owned(), activation: Some(activation) }
    }
}

/// Whether `axis` is the class axis of `[1, classes]` or of `[1, classes, 1, 1]`.
fn is_over_classes(axis: i64) -> bool {
    matches!(axis, -1 | 1)
}
