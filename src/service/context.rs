use std::sync::Arc;

use bytes::Bytes;

use super::{CachedForward, Classifier, ForwardCache, Job, ModelRegistry, ServiceError};
use crate::config::{Limits, Parameters};
use crate::preprocess::{Picture, Preset, decode_while};
use crate::runtime::OutputSet;

/// What every use case works with.
#[derive(Debug)]
pub struct Context {
    /// The models.
    pub models: ModelRegistry,
    /// The forward passes of recent pictures.
    pub forwards: ForwardCache,
    /// What a request may cost.
    pub limits: Limits,
}

impl Context {
    /// The model that the parameter `model` names, or the default, with the preprocessing that the
    /// parameter `preset` names.
    ///
    /// # Errors
    /// [`ServiceError::UnknownModel`], [`ServiceError::NoModelNamed`] and
    /// [`ServiceError::Parameter`].
    pub fn classifier(&self, parameters: &Parameters) -> Result<Arc<Classifier>, ServiceError> {
        let classifier = self.models.get(parameters.text("model"))?;
        match parameters.word::<Preset>("preset")? {
            None => Ok(classifier),
            Some(preset) => Ok(Arc::new(classifier.with_preset(preset)?)),
        }
    }

    /// Decodes `file` and computes at least `outputs` with `classifier`. The picture and the values
    /// come from the cache where it has them.
    ///
    /// # Errors
    /// What is wrong with the picture, and internal errors.
    pub fn forward(
        &self,
        classifier: &Classifier,
        file: &Bytes,
        outputs: OutputSet,
        job: &mut Job,
    ) -> Result<Arc<CachedForward>, ServiceError> {
        let Job { token, stages } = job;
        token.announce(1);
        let compute = |known: Option<Picture>| -> Result<CachedForward, ServiceError> {
            let (picture, stage) = match known {
                Some(picture) => (picture, "cache"),
                None => {
                    let check = || token.check().map_err(ServiceError::from);
                    (decode_while(file, &self.limits.image, check)?, "decode")
                }
            };
            stages.end(stage);
            let values = classifier.forward(&picture, outputs, token)?;
            stages.end("forward");
            Ok(CachedForward { picture, values, file_bytes: file.len() })
        };
        let (forward, is_hit) =
            self.forwards.get_or_compute(classifier, file, outputs, token, compute)?;
        if is_hit {
            stages.end("cache");
        }
        token.tick()?;
        Ok(forward)
    }
}
