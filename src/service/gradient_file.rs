use std::sync::Arc;

use super::{Classifier, ServiceError};
use crate::config::{Parameter, Parameters};
use crate::onnx::Layer;

/// A checked request for a gradient graph as a file.
#[derive(Debug, Clone)]
pub struct GradientFile {
    classifier: Arc<Classifier>,
    layers: Vec<Layer>,
}

impl GradientFile {
    /// The parameters that it takes.
    pub const PARAMETERS: &'static [Parameter] = &[Parameter {
        name: "layer",
        value: "NAME",
        help: "layer, alias or ONNX value to differentiate with respect to, the input included; \
               repeatable (default: the layer that Grad-CAM explains)",
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
        let mut layers = classifier.info().named_layers(parameters)?;
        if layers.is_empty() {
            layers.push(classifier.explained_layer(None)?);
        }
        Ok(Self { classifier, layers })
    }

    /// The bytes of an ONNX file. Its inputs are `seed` and the residuals, its outputs
    /// `grad/<layer>`.
    ///
    /// # Errors
    /// [`ServiceError::NotExplainable`].
    pub fn encode(&self) -> Result<Vec<u8>, ServiceError> {
        let layers: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        let gradient = self.classifier.explainer().gradient_model(&layers);
        Ok(gradient.map_err(|error| self.classifier.attribution_error(error))?.model.encode())
    }
}
