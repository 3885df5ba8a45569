//! Where the backward pass starts: the cotangent of the logits, without the rounding noise of a
//! saturated softmax.
//!
//! With q the softmax over the rivals of class c alone, ∂p_c/∂z = p_c (1 − p_c) · [e_c − Σ_{j≠c}
//! q_j e_j]. The bracket is of order one whatever the margin, so it is the seed; the factor only
//! scales the map, and is kept aside. The float32 gradient of a framework's softmax is noise from a
//! margin of about 17 (p_c rounds to 1).

use serde::{Deserialize, Serialize};

use crate::config::Activation;

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
    /// The activation rounds to 1 in float32: a framework's own gradient would be zero or rounding
    /// noise.
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
    score: Score,
    activation: Activation,
) -> Result<Seed, SeedError> {
    let one_unit = activation == Activation::Sigmoid && logits.len() == 1;
    let classes = if one_unit { 2 } else { logits.len() };
    if class >= classes {
        return Err(SeedError::NoSuchClass { class, classes });
    }
    if let Some(index) = logits.iter().position(|z| !z.is_finite()) {
        return Err(SeedError::NotFinite { index });
    }
    let mut cotangent = vec![0.0; logits.len()];
    // Of the rivals under a softmax.
    let total = match activation {
        Activation::Softmax => log_sum_exp(rivals(logits, class).map(|(_, z)| z)),
        Activation::Sigmoid | Activation::Logits => 0.0,
    };
    // The logit of the class against everything else, and whether its activation rounds to 1.
    let (margin, activated) = match activation {
        Activation::Logits => (None, 0.0),
        Activation::Softmax => {
            let margin = f64::from(logits[class]) - total;
            (Some(margin), margin)
        }
        Activation::Sigmoid if one_unit && class == 0 => {
            (Some(-f64::from(logits[0])), f64::from(logits[0]))
        }
        Activation::Sigmoid => {
            let z = f64::from(logits[if one_unit { 0 } else { class }]);
            (Some(z), z)
        }
    };
    if one_unit {
        cotangent[0] = if class == 1 { 1.0 } else { -1.0 };
    } else {
        cotangent[class] = 1.0;
    }
    let probability = margin.map(sigmoid);
    let Some(margin) = margin.filter(|_| score == Score::Probability) else {
        let score = Score::Logit;
        return Ok(Seed {
            cotangent,
            scale: 1.0,
            ln_scale: 0.0,
            probability,
            saturated: false,
            score,
        });
    };
    if activation == Activation::Softmax {
        for (j, z) in rivals(logits, class) {
            cotangent[j] = -(z - total).exp() as f32;
        }
    }
    // ln p + ln(1 − p), each exact where the other rounds away.
    let ln_scale = -softplus(-margin) - softplus(margin);
    // Half a unit in the last place below 1.
    let saturated = sigmoid(-activated) <= f64::from(f32::EPSILON) / 4.0;
    Ok(Seed { cotangent, scale: ln_scale.exp(), ln_scale, probability, saturated, score })
}

/// Probability of every class, in float64; the logits themselves for [`Activation::Logits`].
///
/// One sigmoid unit gives two: `[1 − s, s]`.
pub fn probabilities(logits: &[f32], activation: Activation) -> Vec<f64> {
    let logits = logits.iter().map(|&z| f64::from(z));
    match activation {
        Activation::Logits => logits.collect(),
        Activation::Sigmoid if logits.len() == 1 => {
            logits.flat_map(|z| [sigmoid(-z), sigmoid(z)]).collect()
        }
        Activation::Sigmoid => logits.map(sigmoid).collect(),
        Activation::Softmax => {
            let total = log_sum_exp(logits.clone());
            logits.map(|z| (z - total).exp()).collect()
        }
    }
}

/// Every logit but one, with its index.
fn rivals(logits: &[f32], class: usize) -> impl Iterator<Item = (usize, f64)> + Clone {
    let all = logits.iter().map(|&z| f64::from(z)).enumerate();
    all.filter(move |&(j, _)| j != class)
}

/// ln Σ exp(z), −∞ of nothing.
fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + values.map(|z| (z - max).exp()).sum::<f64>().ln()
}

fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) }
}

/// ln(1 + exp z).
fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}
