use bytes::Bytes;

use super::{Classifier, Context, Job, ServiceError};
use crate::runtime::OutputSet;

/// The network's scores of every class for one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One for each class.
    pub logits: Vec<f32>,
    /// One for each class; empty where the model gives no probabilities.
    pub probabilities: Vec<f32>,
}

impl Context {
    /// Decodes the picture in `file` and computes the scores that `classifier` gives to every
    /// class.
    ///
    /// # Errors
    /// What is wrong with the picture, and internal errors.
    pub fn scores(
        &self,
        classifier: &Classifier,
        file: &Bytes,
        job: &mut Job,
    ) -> Result<Scores, ServiceError> {
        let forward = self.forward(classifier, file, OutputSet::Scores, job)?;
        let scored = classifier.info().scored(&classifier.logits(&forward.values)?);
        let logits = scored.iter().map(|score| score.logit).collect();
        let probabilities = scored.iter().filter_map(|score| score.probability);
        Ok(Scores { logits, probabilities: probabilities.map(|it| it as f32).collect() })
    }
}
