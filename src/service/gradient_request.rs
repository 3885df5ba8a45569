use std::sync::Arc;

use super::{Classifier, ServiceError};
use crate::config::{Parameter, Parameters};
use crate::onnx::Layer;

/// A checked request for a gradient graph as a file.
#[derive(Debug, Clone)]
pub struct GradientRequest {
    classifier: Arc<Classifier>,
    layers: Vec<Layer>,
}

impl GradientRequest {
    /// What it can be told.
    pub const PARAMETERS: &'static [Parameter] = &[Parameter {
        name: "layer",
        value: "NAME",
        help: "layer, alias or ONNX value, also the input, to differentiate with respect to; give \
               it again for more (default: the card's Grad-CAM layer)",
        repeatable: true,
    }];

    /// Checks which layers are meant.
    ///
    /// # Errors
    /// What the caller got wrong.
    pub fn check(
        parameters: &Parameters,
        classifier: Arc<Classifier>,
    ) -> Result<Self, ServiceError> {
        parameters.check(Self::PARAMETERS)?;
        let mut layers = classifier.named_layers(parameters)?;
        if layers.is_empty() {
            layers.push(classifier.explained_layer(None)?);
        }
        Ok(Self { classifier, layers })
    }

    /// The bytes of an ONNX file: inputs `seed` and the residuals, outputs `grad/<layer>`.
    ///
    /// # Errors
    /// [`ServiceError::NotExplainable`].
    pub fn file(&self) -> Result<Vec<u8>, ServiceError> {
        let layers: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        Ok(self.classifier.gradient(&layers)?.model.encode())
    }
}
