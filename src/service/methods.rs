use std::sync::Arc;

use serde::Serialize;

use super::{Classifier, Context, Job, MODEL, OutputFormat, ServiceError, UseCase};
use crate::attribution::{
    Extents, Family, Integer, METHODS, Method, MethodParameter, Number, Options, Range, Resolution,
};
use crate::config::{Parameter, Parameters};
use crate::onnx::Layer;

/// One method of `GET /methods`.
#[derive(Debug, Serialize)]
pub struct MethodDescription {
    /// What callers type.
    pub name: &'static str,
    /// Its usual name.
    pub title: &'static str,
    /// What kind of method it is.
    pub family: Family,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The address of the paper that defines it.
    pub paper: &'static str,
    /// The map's formula.
    pub formula: &'static str,
    /// Where the map's values lie: at the layer's positions, or at the input's pixels.
    pub resolution: Resolution,
    /// Which values are shown unless the request says so.
    pub range: Range,
    /// Values beyond this percentile are clipped in a picture unless the request says so.
    pub percentile: f64,
    /// Whether the map depends on the class.
    pub class_sensitive: bool,
    /// Whether it explains by a layer, which `layer` names.
    pub reads_layer: bool,
    /// The method's own parameters.
    pub parameters: Vec<ParameterDescription>,
    /// Passes through the network for one class, besides one forward pass, with the default
    /// parameters. Where no model is named they are for a layer of 512 × 14 × 14 elements and an
    /// input of 3 × 224 × 224.
    pub passes: u64,
    /// Whether these are more passes than one answer may take, so that other parameters are needed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exceeds_max_passes: bool,
    /// Why the model that was named cannot be explained by the method. None where it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// The layer and the input for which passes are given where no model is named.
const EXAMPLE: Extents = Extents { layer: [512, 14, 14], input: [3, 224, 224], tokens: [14, 14] };

/// One parameter of a method.
#[derive(Debug, Serialize)]
pub struct ParameterDescription {
    /// Its name.
    pub name: &'static str,
    /// What a value looks like.
    pub values: String,
    /// What it does.
    pub help: &'static str,
    /// Which values it takes.
    #[serde(flatten)]
    pub kind: ParameterKind,
}

/// Which values a parameter takes, and its default.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ParameterKind {
    /// A whole number.
    Integer {
        /// The smallest value.
        minimum: usize,
        /// The largest value.
        maximum: usize,
        /// The default. Without one, it depends on the model.
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<usize>,
    },
    /// A number.
    Number {
        /// The smallest value.
        minimum: f64,
        /// The largest value.
        maximum: f64,
        /// The default.
        default: f64,
    },
    /// One of several words.
    Word {
        /// The words.
        words: &'static [&'static str],
        /// The default.
        default: &'static str,
    },
    /// A class of the model. Without it there is none.
    Class,
    /// True or false.
    Switch {
        /// The default.
        default: bool,
    },
}

impl From<&MethodParameter> for ParameterDescription {
    fn from(row: &MethodParameter) -> Self {
        let kind = match *row {
            MethodParameter::Integer(Integer { range: [minimum, maximum], default, .. }) => {
                ParameterKind::Integer { minimum, maximum, default }
            }
            MethodParameter::Number(Number { range: [minimum, maximum], default, .. }) => {
                ParameterKind::Number { minimum, maximum, default }
            }
            MethodParameter::Word(row) => {
                ParameterKind::Word { words: row.words, default: row.default }
            }
            MethodParameter::Class(_) => ParameterKind::Class,
            MethodParameter::Switch(_) => ParameterKind::Switch { default: false },
        };
        Self { name: row.name(), values: row.values(), help: row.help(), kind }
    }
}

/// Every method.
#[must_use]
pub fn method_list() -> Vec<MethodDescription> {
    METHODS.iter().map(|method| describe(method, &EXAMPLE)).collect()
}

fn describe(method: &Method, extents: &Extents) -> MethodDescription {
    MethodDescription {
        name: method.name,
        title: method.title,
        family: method.family,
        summary: method.summary,
        paper: method.paper,
        formula: method.formula,
        resolution: method.resolution,
        range: method.range,
        percentile: method.resolution.percentile(),
        class_sensitive: method.class_sensitive,
        reads_layer: method.reads_layer(),
        parameters: method.parameters.iter().map(Into::into).collect(),
        passes: (method.passes)(&Options::default(), extents),
        exceeds_max_passes: false,
        refusal: None,
    }
}

/// A checked request for the methods as one model has them.
#[derive(Debug, Clone)]
pub struct MethodsOfModel {
    classifier: Arc<Classifier>,
    layer: Option<Layer>,
}

const PARAMETERS: &[Parameter] = &[
    MODEL,
    Parameter {
        name: "layer",
        value: "NAME",
        help: "the layer that is explained (default: the card's, else the last with height and \
               width)",
        repeatable: false,
    },
];

impl UseCase for MethodsOfModel {
    type Input = ();
    type Output = Vec<MethodDescription>;
    type Json<'o> = &'o [MethodDescription];
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn parameters() -> &'static [Parameter] {
        PARAMETERS
    }

    fn check(given: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        given.check(PARAMETERS)?;
        let classifier = context.classifier(given)?;
        let layer = match classifier.explained_layer(given.text("layer")) {
            Err(ServiceError::NoExplainableLayer) => None,
            layer => Some(layer?),
        };
        Ok(Self { classifier, layer })
    }

    /// Every method with its cost for this layer, and why it cannot be had.
    fn run(
        &self,
        (): &(),
        context: &Context,
        job: &mut Job,
    ) -> Result<Vec<MethodDescription>, ServiceError> {
        let extents = self.classifier.info().extents(self.layer.as_ref());
        let refusals = self.classifier.explainer().method_refusals(self.layer.as_ref(), &job.token);
        job.stages.end("derive");
        let described = METHODS.iter().zip(refusals?);
        let described = described.map(|(method, refusal)| {
            let described = describe(method, &extents);
            let exceeds_max_passes = 1 + described.passes > context.limits.passes;
            MethodDescription { refusal, exceeds_max_passes, ..described }
        });
        Ok(described.collect())
    }

    fn json<'o>(
        &'o self,
        output: &'o Vec<MethodDescription>,
    ) -> Result<&'o [MethodDescription], ServiceError> {
        Ok(output)
    }

    fn notes(&self, _: &Vec<MethodDescription>) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Every method as a table of text.
#[must_use]
pub fn method_table() -> String {
    let width = |of: fn(&Method) -> &str| {
        METHODS.iter().map(|method| of(method).chars().count()).max().unwrap_or(0)
    };
    let (name, title) = (width(|method| method.name), width(|method| method.title));
    let lines = METHODS.iter().map(|method| {
        format!("{:<name$}  {:<title$}  {}\n", method.name, method.title, method.paper)
    });
    lines.collect()
}
