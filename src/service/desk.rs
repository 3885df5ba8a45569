use std::sync::Arc;

use super::{Classifier, Extent, Memory, Parameters, Seen, ServiceError, Shelf, Stages};
use crate::config::Limits;
use crate::preprocess::{Picture, decode};
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

    /// Decodes the picture in `file` and runs `classifier` on it, at least to `extent`, or remembers
    /// both.
    ///
    /// # Errors
    /// What is wrong with the picture, and what went wrong with us.
    pub fn look(
        &self,
        classifier: &Classifier,
        file: &[u8],
        extent: Extent,
        stages: &mut Stages,
        stop: &Stop,
    ) -> Result<Arc<Seen>, ServiceError> {
        let look = |known: Option<Picture>| -> Result<Seen, ServiceError> {
            let (picture, stage) = match known {
                Some(picture) => (picture, "recall"),
                None => (decode(file, &self.limits.image)?, "decode"),
            };
            stages.end(stage);
            let values = classifier.forward(&picture, extent, stop)?;
            stages.end("forward");
            Ok(Seen { picture, values, extent })
        };
        let (seen, remembered) = self.memory.recall_or(classifier, file, extent, look)?;
        if remembered {
            stages.end("recall");
        }
        Ok(seen)
    }
}
