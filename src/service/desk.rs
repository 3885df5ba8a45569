use std::sync::Arc;

use super::{Classifier, Library, Memory, Seen, ServiceError, Stages};
use crate::config::Limits;
use crate::preprocess::decode;
use crate::runtime::Stop;

/// What every use case works with: the models, and the pictures seen lately.
#[derive(Debug)]
pub struct Desk {
    /// The models.
    pub library: Library,
    /// The pictures seen last.
    pub memory: Memory,
}

impl Desk {
    /// Decodes the picture in `file` and runs `classifier` on it, or remembers both.
    ///
    /// # Errors
    /// What is wrong with the picture, and what went wrong with us.
    pub fn look(
        &self,
        classifier: &Classifier,
        file: &[u8],
        limits: &Limits,
        stages: &mut Stages,
        stop: &Stop,
    ) -> Result<Arc<Seen>, ServiceError> {
        if let Some(seen) = self.memory.recall(classifier.name(), file) {
            stages.end("recall");
            return Ok(seen);
        }
        let picture = decode(file, &limits.image)?;
        stages.end("decode");
        let values = classifier.forward(&picture, stop)?;
        stages.end("forward");
        let seen = Arc::new(Seen { picture, values });
        self.memory.remember(classifier.name(), file, &seen);
        Ok(seen)
    }
}
