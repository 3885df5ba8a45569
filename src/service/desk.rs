use std::sync::Arc;

use super::{Classifier, Memory, Parameters, Seen, ServiceError, Shelf, Stages};
use crate::config::Limits;
use crate::preprocess::decode;
use crate::runtime::Stop;

/// What every use case works with: the models, the pictures seen lately, and what a request may
/// cost.
#[derive(Debug)]
pub struct Desk {
    /// The models.
    pub library: Shelf,
    /// The pictures seen last.
    pub memory: Memory,
    /// What a request may cost.
    pub limits: Limits,
}

impl Desk {
    /// The model that the parameter `model` names, or the default.
    ///
    /// # Errors
    /// [`ServiceError::UnknownModel`] and [`ServiceError::NoModelNamed`].
    pub fn classifier(&self, parameters: &Parameters) -> Result<Arc<Classifier>, ServiceError> {
        self.library.get(parameters.text("model"))
    }

    /// Decodes the picture in `file` and runs `classifier` on it, or remembers both.
    ///
    /// # Errors
    /// What is wrong with the picture, and what went wrong with us.
    pub fn look(
        &self,
        classifier: &Classifier,
        file: &[u8],
        stages: &mut Stages,
        stop: &Stop,
    ) -> Result<Arc<Seen>, ServiceError> {
        let look = || -> Result<Seen, ServiceError> {
            let picture = decode(file, &self.limits.image)?;
            stages.end("decode");
            let values = classifier.forward(&picture, stop)?;
            stages.end("forward");
            Ok(Seen { picture, values })
        };
        let (seen, remembered) = self.memory.recall_or(classifier, file, look)?;
        if remembered {
            stages.end("recall");
        }
        Ok(seen)
    }
}
