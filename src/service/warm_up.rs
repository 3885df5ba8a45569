use std::panic::{AssertUnwindSafe, catch_unwind};

use super::test_picture::test_picture;
use super::{Classifier, LoadError, ServiceError};
use crate::runtime::{CancellationToken, Engine, OutputSet, Source};

impl Classifier {
    /// Loads a model and runs it on one picture. Every model that is served has run once.
    ///
    /// # Errors
    /// [`LoadError`], which names the file and the cause. A panic is an error too, so that one
    /// broken file does not keep the other models from being served.
    pub fn load_and_warm_up(source: Source, engine: &Engine) -> Result<Self, LoadError> {
        let location = source.location();
        let load = AssertUnwindSafe(|| {
            let classifier = Self::load(source, engine)?;
            let warmed_up = classifier.warm_up();
            Ok::<_, LoadError>((classifier, warmed_up))
        });
        let refused = |cause: String| LoadError { location: location.clone(), cause };
        let loaded = catch_unwind(load);
        let (classifier, warmed_up) =
            loaded.map_err(|_| refused("loading it panicked".to_owned()))??;
        warmed_up.map_err(|error| refused(error.to_string()))?;
        Ok(classifier)
    }

    /// Runs the network on a fixed picture, once for each set of outputs.
    ///
    /// # Errors
    /// The engine's, and [`ServiceError::NotFinite`] where a logit is NaN or infinite.
    fn warm_up(&self) -> Result<(), ServiceError> {
        for outputs in [OutputSet::Scores, OutputSet::Layers] {
            let values = self.forward(&test_picture(), outputs, &CancellationToken::never())?;
            self.logits(&values)?;
        }
        Ok(())
    }
}
