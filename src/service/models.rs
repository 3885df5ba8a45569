use serde::Serialize;

use super::settings::Assumption;
use super::{Classifier, LoadedModels};
use crate::config::Activation;
use crate::onnx::{Kind, Layer};
use crate::preprocess::Preprocessing;
use crate::runtime::ClassName;

/// `GET /models`.
#[derive(Debug, Serialize)]
pub struct ModelList<'a> {
    /// The model that answers requests that name none.
    pub default: Option<&'a str>,
    /// Every model, sorted by name.
    pub models: Vec<ModelEntry<'a>>,
}

/// One row of [`ModelList`].
#[derive(Debug, Serialize)]
pub struct ModelEntry<'a> {
    /// Its name.
    pub name: &'a str,
    /// Height and width of its input.
    pub input_size: [usize; 2],
    /// The number of its classes.
    pub classes: usize,
    /// The number of its layers.
    pub layers: usize,
    /// The number of its weights.
    pub parameters: usize,
}

/// `GET /models/{model}`: the layers as Keras's `summary()` gives them, and how the model is used.
#[derive(Debug, Serialize)]
pub struct ModelDescription<'a> {
    /// Its name.
    pub name: &'a str,
    /// How a picture becomes the input.
    pub input: InputDescription<'a>,
    /// How the output is read.
    pub output: OutputDescription<'a>,
    /// The layers in the order of evaluation.
    pub layers: Vec<LayerDescription<'a>>,
    /// The number of its weights.
    pub parameters: usize,
    /// The layers shown when a request names none.
    pub shown: &'a [String],
    /// The layer explained when a request names none.
    pub gradcam: Option<&'a str>,
    /// Why that one, or why none.
    pub gradcam_why: &'static str,
    /// Further names of layers.
    pub aliases: serde_json::Map<String, serde_json::Value>,
    /// What neither card nor graph told.
    pub assumed: &'a [Assumption],
}

/// How a picture becomes the input.
#[derive(Debug, Serialize)]
pub struct InputDescription<'a> {
    /// The input's name.
    pub name: &'a str,
    /// The resolved card.
    #[serde(flatten)]
    pub recipe: &'a Preprocessing,
}

/// How the output is read.
#[derive(Debug, Serialize)]
pub struct OutputDescription<'a> {
    /// The output's name.
    pub name: &'a str,
    /// Where the logits are.
    pub logits: &'a str,
    /// What follows them.
    pub activation: Activation,
    /// The number of classes.
    pub classes: usize,
    /// The class names in order; empty where the model has none.
    pub labels: &'a [ClassName],
}

/// One row of the summary.
#[derive(Debug, Serialize)]
pub struct LayerDescription<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Height, width, channels; or the number of units.
    pub shape: Vec<usize>,
    /// The number of its weights.
    pub parameters: usize,
    /// Whether Grad-CAM can explain it.
    pub explainable: bool,
    /// Why it cannot be explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<&'a str>,
}

/// Every model.
#[must_use]
pub fn model_list(library: &LoadedModels) -> ModelList<'_> {
    ModelList {
        default: library.default_model(),
        models: library.iter().map(|classifier| model_entry(classifier)).collect(),
    }
}

fn model_entry(classifier: &Classifier) -> ModelEntry<'_> {
    ModelEntry {
        name: classifier.name(),
        input_size: classifier.settings().recipe.size,
        classes: classifier.settings().classes,
        layers: classifier.layers().len(),
        parameters: parameters(classifier),
    }
}

/// One model.
#[must_use]
pub fn model_description(classifier: &Classifier) -> ModelDescription<'_> {
    let settings = classifier.settings();
    ModelDescription {
        name: classifier.name(),
        input: InputDescription { name: classifier.input_name(), recipe: &settings.recipe },
        output: OutputDescription {
            name: &classifier.head().output,
            logits: &classifier.head().logits,
            activation: settings.activation,
            classes: settings.classes,
            labels: classifier.labels(),
        },
        layers: classifier.layers().iter().map(|layer| layer_row(classifier, layer)).collect(),
        parameters: parameters(classifier),
        shown: &settings.shown,
        gradcam: settings.gradcam.as_deref(),
        gradcam_why: settings.gradcam_why,
        aliases: classifier
            .aliases()
            .map(|(alias, value)| (alias.to_owned(), value.into()))
            .collect(),
        assumed: &settings.assumed,
    }
}

fn layer_row<'a>(classifier: &'a Classifier, layer: &'a Layer) -> LayerDescription<'a> {
    let shape = match layer.spatial() {
        Some(spatial) => spatial.to_vec(),
        None => layer.shape.get(1..).unwrap_or_default().to_vec(),
    };
    let refusal = classifier.refusal(&layer.name);
    LayerDescription {
        name: &layer.name,
        kind: layer.kind,
        shape,
        parameters: layer.parameters,
        explainable: refusal.is_none(),
        refusal,
    }
}

fn parameters(classifier: &Classifier) -> usize {
    classifier.layers().iter().map(|layer| layer.parameters).sum()
}

/// The summary as a table of text, as Keras prints it.
#[must_use]
pub fn summary(classifier: &Classifier) -> String {
    let description = model_description(classifier);
    let rows: Vec<[String; 3]> = description
        .layers
        .iter()
        .map(|layer| {
            let shape: Vec<String> = layer.shape.iter().map(usize::to_string).collect();
            [layer.name.to_owned(), shape.join(" × "), grouped(layer.parameters)]
        })
        .collect();
    let total = grouped(description.parameters);
    let width = |column: usize, title: &str| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0).max(title.len())
    };
    let (name, shape) = (width(0, "layer"), width(1, "output shape"));
    let count = width(2, "parameters").max(total.len());
    let mut text = format!("{}\n", description.name);
    let mut line = |a: &str, b: &str, c: &str| {
        text.push_str(&format!("{a:<name$}  {b:>shape$}  {c:>count$}\n"));
    };
    line("layer", "output shape", "parameters");
    for [layer, shape, parameters] in &rows {
        line(layer, shape, parameters);
    }
    line("total", "", &total);
    text
}

/// A number with a comma between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
