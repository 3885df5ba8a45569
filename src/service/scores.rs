use super::{Classifier, Context, Job, OutputSet, ServiceError};
use crate::config::Activation;
use crate::runtime::CancellationToken;

/// What the network says of one picture, class by class.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One a class.
    pub logits: Vec<f32>,
    /// One a class; none where the model gives no probabilities.
    pub probabilities: Vec<f32>,
}

impl Context {
    /// Decodes the picture in `file` and asks `classifier` about every class.
    ///
    /// # Errors
    /// What is wrong with the picture, and what went wrong with us.
    pub fn scores(
        &self,
        classifier: &Classifier,
        file: &[u8],
        token: &CancellationToken,
    ) -> Result<Scores, ServiceError> {
        let mut job = Job::new(token.clone());
        let forward = self.forward(classifier, file, OutputSet::Scores, &mut job)?;
        let scored = classifier.scored(&classifier.logits(&forward.values)?);
        let logits = scored.iter().map(|score| score.logit).collect();
        let probabilities = scored.iter().filter_map(|score| score.probability);
        Ok(Scores { logits, probabilities: probabilities.map(|it| it as f32).collect() })
    }
}

impl Classifier {
    /// Whether the model ends in a softmax or sigmoid.
    #[must_use]
    pub fn gives_probabilities(&self) -> bool {
        self.settings().activation != Activation::Logits
    }
}
