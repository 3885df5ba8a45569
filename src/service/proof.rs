use image::{Rgb, RgbImage};

use super::{Classifier, ServiceError};
use crate::preprocess::{Format, Picture};
use crate::runtime::Stop;

impl Classifier {
    /// Runs the network on a picture that is the same every time.
    ///
    /// # Errors
    /// The engine's, and [`ServiceError::NotFinite`] where the logits are no numbers.
    pub(super) fn prove(&self) -> Result<(), ServiceError> {
        let values = self.forward(&golden(), &Stop::never())?;
        self.logits(&values).map(drop)
    }
}

/// Every red from left to right, every green from top to bottom.
fn golden() -> Picture {
    let pixels = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 128]));
    Picture { pixels, format: Format::Png }
}
