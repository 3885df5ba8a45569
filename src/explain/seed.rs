//! Where the backward pass starts: the cotangent of the logits, without the rounding noise of a saturated softmax.
//!
//! With q the softmax over the rivals of class c alone, ∂p_c/∂z = p_c (1 − p_c) · [e_c − Σ_{j≠c} q_j e_j]. The bracket
//! is of order one whatever the margin, so it is the seed; the factor only scales the map, and is kept aside. The
//! float32 gradient of a framework's softmax is noise from a margin of about 17 (p_c rounds to 1).

use serde::{Deserialize, Serialize};

/// What turns a model's logits into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// One class of several.
    Softmax,
    /// Each class by itself; a single unit means two classes, 0 and 1.
    Sigmoid,
    /// Nothing: the outputs are scores without a probability.
    Logits,
}

/// What is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Score {
    /// The class's probability.
    #[default]
    Probability,
    /// The class's logit.
    Logit,
}

/// Where the backward pass for one class starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Seed {
    /// Cotangent of the logits, one value each; ∂score/∂logits = `scale` · `cotangent`.
    pub cotangent: Vec<f32>,
    /// The factor kept aside: p(1 − p) for a probability, 1 for a logit. May underflow to 0.
    pub scale: f64,
    /// Natural logarithm of `scale`, finite where `scale` underflows.
    pub ln_scale: f64,
    /// The class's probability; none where the model gives no probabilities.
    pub probability: Option<f64>,
    /// The probability is 1 in float32: a framework's own gradient would be rounding noise.
    pub saturated: bool,
    /// What is explained in fact: a logit where the model gives no probabilities.
    pub score: Score,
}

/// Why there is no seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The class does not exist.
    #[error("class {class} does not exist; the model has {classes}, 0 to {}", .classes.saturating_sub(1))]
    NoSuchClass {
        /// The class asked for.
        class: usize,
        /// How many there are.
        classes: usize,
    },
    /// The network gave NaN or infinity.
    #[error("logit {index} is not finite")]
    NotFinite {
        /// The first such logit.
        index: usize,
    },
}

/// The seed for `class`, from the model's logits.
///
/// One sigmoid unit has two classes: 1 is the unit itself (+1), 0 its complement (−1).
///
/// # Errors
///
/// [`SeedError`].
pub fn seed(
    logits: &[f32],
    class: usize,
    _score: Score,
    _activation: Activation,
) -> Result<Seed, SeedError> {
    Err(SeedError::NoSuchClass { class, classes: logits.len() })
}

/// Probability of every class, in float64; the logits themselves for [`Activation::Logits`].
///
/// One sigmoid unit gives two: `[1 − s, s]`.
pub fn probabilities(_logits: &[f32], _activation: Activation) -> Vec<f64> {
    Vec::new()
}
