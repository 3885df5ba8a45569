use super::{Score, Seed, SeedError, seed};
use crate::config::Activation;

/// What an explanation is about: a class, and the score of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The class. One sigmoid unit has two: 1 is the unit itself, 0 its complement.
    pub class: usize,
    /// Which score.
    pub score: Score,
    /// What turns the logits into probabilities.
    pub activation: Activation,
}

impl Target {
    /// The start of the backward pass at `logits`.
    ///
    /// # Errors
    /// [`SeedError`].
    pub fn seed(&self, logits: &[f32]) -> Result<Seed, SeedError> {
        seed(logits, self.class, self.score, self.activation)
    }

    /// The score at `logits`, whose derivative [`seed`](Self::seed) gives: the probability, or the
    /// logit where that is asked for or the model gives no probabilities. The logit of a sigmoid
    /// unit's class 0 is the unit's, negated.
    ///
    /// # Errors
    /// [`SeedError`].
    pub fn score(&self, logits: &[f32]) -> Result<f64, SeedError> {
        let seed = self.seed(logits)?;
        Ok(match (seed.score, seed.probability) {
            (Score::Probability, Some(probability)) => probability,
            _ => {
                let is_complement = self.activation == Activation::Sigmoid && logits.len() == 1;
                let unit = if is_complement { 0 } else { self.class };
                f64::from(logits[unit]) * f64::from(seed.cotangent[unit])
            }
        })
    }
}
