use std::sync::{Arc, LazyLock};

use super::{Classifier, Context, Job, MODEL, OutputFormat, ServiceError, UseCase};
use crate::config::{Parameter, ParameterError, Parameters, excerpt};
use crate::gradient::rules::RULES;
use crate::gradient::{GradientModel, Rules};
use crate::onnx::Layer;

/// A checked request for a gradient graph as a file.
#[derive(Debug, Clone)]
pub struct GradientFile {
    classifier: Arc<Classifier>,
    layers: Vec<Layer>,
    rules: &'static Rules,
    max_bytes: u64,
}

/// The names of all sets of rules.
fn names(separator: &str) -> String {
    RULES.iter().map(|rules| rules.name).collect::<Vec<_>>().join(separator)
}

static RULES_VALUE: LazyLock<String> = LazyLock::new(|| names("|"));

static PARAMETERS: LazyLock<[Parameter; 3]> = LazyLock::new(|| {
    [
        MODEL,
        Parameter {
            name: "layer",
            value: "NAME",
            help: "layer, alias or ONNX value to differentiate with respect to, or `input`; \
                   repeatable (default: the layer that Grad-CAM explains)",
            repeatable: true,
        },
        Parameter {
            name: "rules",
            value: &RULES_VALUE,
            help: "backward rules: those of the gradient, or of another method \
                   (default: gradient)",
            repeatable: false,
        },
    ]
});

/// The rules called `name`. Case does not count, and `-` stands for `_`.
fn find_rules(name: &str) -> Result<&'static Rules, ParameterError> {
    let wanted = name.to_lowercase().replace('-', "_");
    let found = RULES.iter().find(|rules| rules.name == wanted);
    found.copied().ok_or_else(|| ParameterError::Invalid {
        name: "rules",
        value: excerpt(name),
        expected: format!("one of {}", names(", ")),
    })
}

impl UseCase for GradientFile {
    type Input = ();
    type Output = GradientModel;
    type Json<'o> = ();
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Onnx];
    const FILE_NAME: Option<&'static str> = Some("gradient.onnx");

    fn parameters() -> &'static [Parameter] {
        &*PARAMETERS
    }

    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        parameters.check(&*PARAMETERS)?;
        let classifier = context.classifier(parameters)?;
        let mut layers = classifier.info().named_layers(parameters)?;
        if layers.is_empty() {
            layers.push(classifier.explained_layer(None)?);
        }
        let rules = parameters.text("rules").map_or(Ok(Rules::GRADIENT), find_rules)?;
        let max_bytes = context.limits.output_bytes;
        Ok(Self { classifier, layers, rules, max_bytes })
    }

    /// The graph. Its inputs are `seed` and the residuals, its outputs `grad/<layer>`.
    fn run(&self, (): &(), _: &Context, job: &mut Job) -> Result<GradientModel, ServiceError> {
        let layers: Vec<&str> = self.layers.iter().map(|layer| layer.value.as_str()).collect();
        let explainer = self.classifier.explainer();
        let gradient = explainer.gradient_model(&layers, self.rules, self.max_bytes, &job.token);
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

    /// What the graph gives the gradient of.
    fn summary(&self, _: &GradientModel) -> String {
        let layers: Vec<&str> = self.layers.iter().map(Layer::name).collect();
        format!("{} at {}", self.rules.name, layers.join(", "))
    }
}
