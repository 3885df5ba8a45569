//! The seed of the backward pass: the cotangent of the logits, without the rounding noise of a
//! saturated softmax.
//!
//! Let q be the softmax over all classes but c. Then ∂p_c/∂z = p_c (1 − p_c) · [e_c − Σ_{j≠c} q_j
//! e_j]. The bracket is of order one for every margin, so it is the seed. The factor only scales
//! the map, so it is kept separately. The float32 gradient of a framework's softmax is rounding
//! noise from a margin of about 17 on, where p_c rounds to 1.

use serde::{Deserialize, Serialize};

use crate::config::Activation;

/// The score that is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Score {
    /// The class's probability.
    #[default]
    Probability,
    /// The class's logit.
    Logit,
}

/// The start of the backward pass for one class.
#[derive(Debug, Clone, PartialEq)]
pub struct Seed {
    /// Cotangent of the logits, one value each. ∂score/∂logits = `scale` · `cotangent`.
    pub cotangent: Vec<f32>,
    /// The separate factor: p(1 − p) for a probability, 1 for a logit. It may underflow to 0.
    pub scale: f64,
    /// Natural logarithm of `scale`. It is finite even if `scale` underflows.
    pub ln_scale: f64,
    /// The class's probability. `None` if the model gives no probabilities.
    pub probability: Option<f64>,
    /// The activation rounds to 1 in float32, so a framework's own gradient would be zero or
    /// rounding noise.
    pub saturated: bool,
    /// The score that is actually explained: the logit if the model gives no probabilities.
    pub score: Score,
}

/// Why there is no seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The class does not exist.
    #[error(
        "class {class} does not exist; the model has {classes}, 0 to {}",
        .classes.saturating_sub(1)
    )]
    NoSuchClass {
        /// The requested class.
        class: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A logit is NaN or infinite.
    #[error("logit {index} is not finite")]
    NotFinite {
        /// The first such logit.
        index: usize,
    },
}

/// The seed for `class`, from the model's logits.
///
/// One sigmoid unit has two classes. Class 1 is the unit itself (+1), class 0 its complement (−1).
/// Where the model's output is probabilities without logits, the probability is explained, whatever
/// the score asked for.
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
    if activation == Activation::Probabilities {
        cotangent[class] = 1.0;
        return Ok(Seed {
            cotangent,
            scale: 1.0,
            ln_scale: 0.0,
            probability: Some(f64::from(logits[class])),
            saturated: false,
            score: Score::Probability,
        });
    }
    // ln Σ exp of the other classes' logits under a softmax.
    let total = match activation {
        Activation::Softmax => log_sum_exp(other_logits(logits, class).map(|(_, z)| z)),
        Activation::Sigmoid | Activation::Logits | Activation::Probabilities => 0.0,
    };
    // The margin is the logit of p. `activated` is the logit of the activation, which tells whether
    // the activation rounds to 1.
    let (margin, activated) = match activation {
        Activation::Logits | Activation::Probabilities => (None, 0.0),
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
        for (j, z) in other_logits(logits, class) {
            cotangent[j] = -(z - total).exp() as f32;
        }
    }
    // ln p + ln(1 − p). Each term is exact where the other is nearly 0.
    let ln_scale = -softplus(-margin) - softplus(margin);
    // Half a unit in the last place below 1.
    let saturated = sigmoid(-activated) <= f64::from(f32::EPSILON) / 4.0;
    Ok(Seed { cotangent, scale: ln_scale.exp(), ln_scale, probability, saturated, score })
}

/// Probability of every class, in float64. Without an activation the values themselves.
///
/// One sigmoid unit gives two probabilities: `[1 − s, s]`.
pub fn probabilities(logits: &[f32], activation: Activation) -> Vec<f64> {
    let logits = logits.iter().map(|&z| f64::from(z));
    match activation {
        Activation::Logits | Activation::Probabilities => logits.collect(),
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

/// Every logit but that of `class`, with its index.
fn other_logits(logits: &[f32], class: usize) -> impl Iterator<Item = (usize, f64)> + Clone {
    let all = logits.iter().map(|&z| f64::from(z)).enumerate();
    all.filter(move |&(j, _)| j != class)
}

/// ln Σ exp(z). Without values −∞.
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
