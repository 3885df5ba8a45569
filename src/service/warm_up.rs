use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{Rgb, RgbImage};

use super::{Classifier, LoadError, OutputSet, ServiceError};
use crate::preprocess::{Format, Picture};
use crate::runtime::{CancellationToken, Engine, Source};

impl Classifier {
    /// Loads a model and shows on one picture that it works: what is served has run.
    ///
    /// # Errors
    /// [`LoadError`], which names the file and the cause. A panic over a file that nobody foresaw is
    /// one too: it must not keep the other models from being served.
    pub fn load_and_warm_up(source: Source, engine: &Engine) -> Result<Self, LoadError> {
        let location = source.location();
        let load = AssertUnwindSafe(|| {
            let classifier = Self::load(source, engine)?;
            let proof = classifier.warm_up();
            Ok::<_, LoadError>((classifier, proof))
        });
        let refused = |cause: String| LoadError { location: location.clone(), cause };
        let loaded = catch_unwind(load);
        let (classifier, proof) =
            loaded.map_err(|_| refused("loading it panicked".to_owned()))??;
        proof.map_err(|error| refused(error.to_string()))?;
        Ok(classifier)
    }

    /// Runs the network on a picture that is the same every time, to every extent.
    ///
    /// # Errors
    /// The engine's, and [`ServiceError::NotFinite`] where the logits are no numbers.
    fn warm_up(&self) -> Result<(), ServiceError> {
        for extent in [OutputSet::Scores, OutputSet::Layers] {
            let values = self.forward(&golden(), extent, &CancellationToken::never())?;
            self.logits(&values)?;
        }
        Ok(())
    }
}

/// Every red from left to right, every green from top to bottom.
fn golden() -> Picture {
    let pixels = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 128]));
    Picture { pixels, format: Format::Png }
}
