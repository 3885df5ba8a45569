use std::sync::Arc;

use super::{Classifier, Context, Job, MODEL, ModelInfo, OutputFormat, ServiceError, UseCase};
use crate::config::{Parameter, Parameters};
use crate::gradient::GradientModel;
use crate::onnx::Layer;

/// A checked request for a gradient graph as a file.
#[derive(Debug, Clone)]
pub struct GradientFile {
    classifier: Arc<Classifier>,
    layers: Vec<Layer>,
}

const PARAMETERS: &[Parameter] = &[
    MODEL,
    Parameter {
        name: "layer",
        value: "NAME",
        help: "layer, alias or ONNX value to differentiate with respect to, the input included; \
               repeatable (default: the layer that Grad-CAM explains)",
        repeatable: true,
    },
];

impl UseCase for GradientFile {
    type Input = ();
    type Output = GradientModel;
    type Json<'o> = ();
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Onnx];
    const FILE_NAME: Option<&'static str> = Some("gradient.onnx");

    fn parameters() -> &'static [Parameter] {
        PARAMETERS
    }

    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        parameters.check(PARAMETERS)?;
        let classifier = context.classifier(parameters)?;
        let mut layers = classifier.info().named_layers(parameters, ModelInfo::layer)?;
        if layers.is_empty() {
            layers.push(classifier.explained_layer(None)?);
        }
        Ok(Self { classifier, layers })
    }

    /// The graph. Its inputs are `seed` and the residuals, its outputs `grad/<layer>`.
    fn run(&self, (): &(), _: &Context, job: &mut Job) -> Result<GradientModel, ServiceError> {
        let layers: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        let gradient = self.classifier.explainer().gradient_model(&layers, &job.token);
        job.stages.end("derive");
        gradient.map_err(|error| self.classifier.attribution_error(error))
    }

    fn encode(
        &self,
        gradient: &GradientModel,
        _: OutputFormat,
        _: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        Ok(gradient.model.encode())
    }

    fn notes(&self, _: &GradientModel) -> Vec<(&'static str, String)> {
        vec![("model", self.classifier.name().to_owned())]
    }
}
