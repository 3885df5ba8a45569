use std::sync::Arc;

use super::{
    CachedForward, Classifier, ForwardCache, ModelRegistry, OutputSet, Parameters, ServiceError,
    Stages,
};
use crate::config::Limits;
use crate::preprocess::{Picture, decode};
use crate::runtime::CancellationToken;

/// What every use case works with: the models, the pictures seen lately, and what a request may
/// cost.
#[derive(Debug)]
pub struct Context {
    /// The models.
    pub models: ModelRegistry,
    /// The pictures seen last.
    pub forwards: ForwardCache,
    /// What a request may cost.
    pub limits: Limits,
}

impl Context {
    /// The model that the parameter `model` names, or the default.
    ///
    /// # Errors
    /// [`ServiceError::UnknownModel`] and [`ServiceError::NoModelNamed`].
    pub fn classifier(&self, parameters: &Parameters) -> Result<Arc<Classifier>, ServiceError> {
        self.models.get(parameters.text("model"))
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
        extent: OutputSet,
        stages: &mut Stages,
        token: &CancellationToken,
    ) -> Result<Arc<CachedForward>, ServiceError> {
        let look = |known: Option<Picture>| -> Result<CachedForward, ServiceError> {
            let (picture, stage) = match known {
                Some(picture) => (picture, "recall"),
                None => (decode(file, &self.limits.image)?, "decode"),
            };
            stages.end(stage);
            let values = classifier.forward(&picture, extent, token)?;
            stages.end("forward");
            Ok(CachedForward { picture, values, extent })
        };
        let (seen, remembered) = self.forwards.get_or_compute(classifier, file, extent, look)?;
        if remembered {
            stages.end("recall");
        }
        Ok(seen)
    }
}
