use serde::{Deserialize, Serialize};

/// What turns a model's logits into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Probabilities over the classes that sum to one.
    Softmax,
    /// A probability of its own for each class. A single unit means two classes, 0 and 1.
    Sigmoid,
    /// No activation: the outputs are scores without a probability.
    Logits,
    /// No activation: the outputs are probabilities already.
    Probabilities,
}

/// The order of the axes of a four-dimensional tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channels, height, width.
    #[default]
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}
