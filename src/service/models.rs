//! Descriptions of models: `GET /models` and `GET /models/{model}`.

use serde::Serialize;

use super::{CardValue, Classifier, LoadedModels};
use crate::config::Activation;
use crate::onnx::{Attention, Grid, Kind, Layer, Tokens};
use crate::preprocess::Preprocessing;
use crate::runtime::ClassName;

mod summary;

pub use summary::summary;

/// `GET /models`.
#[derive(Debug, Serialize)]
pub struct ModelList<'a> {
    /// The model that answers requests without `model`.
    pub default: Option<&'a str>,
    /// Every model, sorted by name.
    pub models: Vec<ModelEntry<'a>>,
}

/// One row of [`ModelList`].
#[derive(Debug, Serialize)]
pub struct ModelEntry<'a> {
    /// The model's name.
    pub name: &'a str,
    /// Height and width of its input.
    pub input_size: [usize; 2],
    /// The number of classes.
    pub classes: usize,
    /// The number of layers.
    pub layers: usize,
    /// The number of weights.
    pub parameters: usize,
}

/// `GET /models/{model}`: the layers as in Keras's `summary()`, and how the model is used.
#[derive(Debug, Serialize)]
pub struct ModelDescription<'a> {
    /// The model's name.
    pub name: &'a str,
    /// How a picture becomes the input.
    pub input: InputDescription<'a>,
    /// How the output is read.
    pub output: OutputDescription<'a>,
    /// The layers in the order of evaluation.
    pub layers: Vec<LayerDescription<'a>>,
    /// The attentions between patches, which `layer` of `/activations` takes too.
    pub attentions: Vec<AttentionDescription<'a>>,
    /// The number of weights.
    pub parameters: usize,
    /// The layers that are shown when a request names none.
    pub shown: Vec<&'a str>,
    /// The layer that is explained when a request names none.
    pub gradcam: Option<&'a str>,
    /// Why that layer was chosen, or why there is none.
    pub gradcam_why: &'static str,
    /// Alternative names of layers.
    pub aliases: serde_json::Map<String, serde_json::Value>,
    /// The defaults that were assumed, since neither the card nor the graph says the value.
    pub assumed: &'a [CardValue],
    /// The values that the card does not state, but the graph.
    pub inferred: &'a [CardValue],
}

/// How a picture becomes the input.
#[derive(Debug, Serialize)]
pub struct InputDescription<'a> {
    /// The input's name.
    pub name: &'a str,
    /// The preprocessing, with every default filled in.
    #[serde(flatten)]
    pub preprocessing: &'a Preprocessing,
}

/// How the output is read.
#[derive(Debug, Serialize)]
pub struct OutputDescription<'a> {
    /// The output's name.
    pub name: &'a str,
    /// The graph's other outputs.
    pub others: &'a [String],
    /// The name of the value that holds the logits.
    pub logits: &'a str,
    /// What turns the logits into probabilities.
    pub activation: Activation,
    /// The number of classes.
    pub classes: usize,
    /// The class names in order. Empty where the model has none.
    pub labels: &'a [ClassName],
}

/// One row of the summary.
#[derive(Debug, Serialize)]
pub struct LayerDescription<'a> {
    /// The layer's name.
    pub name: &'a str,
    /// The ONNX name of its value.
    pub value: &'a str,
    /// The kind of layer.
    pub kind: Kind,
    /// Height, width, channels. For a vector, the number of units.
    pub shape: Vec<usize>,
    /// The order of the axes: `nchw`, `nhwc` or `tokens`. None where the layer has no height and
    /// width.
    pub grid: Option<&'static str>,
    /// The number of tokens that have no place in the picture: class, distillation and register
    /// tokens.
    pub prefix_tokens: usize,
    /// The number of weights.
    pub parameters: usize,
    /// Whether Grad-CAM can explain it.
    pub explainable: bool,
    /// Why Grad-CAM cannot explain it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<&'a str>,
}

/// The weights with which tokens read patches.
#[derive(Debug, Serialize)]
pub struct AttentionDescription<'a> {
    /// Its name.
    pub name: &'a str,
    /// The ONNX name of its value.
    pub value: &'a str,
    /// The number of heads.
    pub heads: usize,
    /// Rows and columns of the patches that read. 0 where the class token alone reads.
    pub queries: [usize; 2],
    /// Rows and columns of the patches that are read.
    pub keys: [usize; 2],
    /// The class, distillation and register tokens that are read too.
    pub prefix_tokens: usize,
}

impl<'a> From<&'a Attention> for AttentionDescription<'a> {
    fn from(attention: &'a Attention) -> Self {
        let grid = |tokens: Tokens| [tokens.height, tokens.width];
        Self {
            name: attention.name(),
            value: &attention.value,
            heads: attention.heads,
            queries: grid(attention.queries),
            keys: grid(attention.keys),
            prefix_tokens: attention.keys.prefix,
        }
    }
}

/// The list of all models.
#[must_use]
pub fn model_list(models: &LoadedModels) -> ModelList<'_> {
    ModelList {
        default: models.default_model(),
        models: models.iter().map(|classifier| model_entry(classifier)).collect(),
    }
}

fn model_entry(classifier: &Classifier) -> ModelEntry<'_> {
    ModelEntry {
        name: classifier.name(),
        input_size: classifier.info().settings().preprocessing.size,
        classes: classifier.info().settings().classes,
        layers: classifier.info().layers().len(),
        parameters: parameters(classifier),
    }
}

/// The description of one model.
#[must_use]
pub fn model_description(classifier: &Classifier) -> ModelDescription<'_> {
    let settings = classifier.info().settings();
    ModelDescription {
        name: classifier.name(),
        input: InputDescription {
            name: classifier.info().input_name(),
            preprocessing: &settings.preprocessing,
        },
        output: OutputDescription {
            name: &classifier.info().head().output,
            others: &classifier.info().head().other_outputs,
            logits: &classifier.info().head().logits,
            activation: settings.activation,
            classes: settings.classes,
            labels: classifier.info().labels(),
        },
        layers: classifier
            .info()
            .layers()
            .iter()
            .map(|layer| layer_row(classifier, layer))
            .collect(),
        attentions: classifier.info().attentions().known.iter().map(Into::into).collect(),
        parameters: parameters(classifier),
        shown: settings.shown.iter().map(|value| classifier.info().layer_name(value)).collect(),
        gradcam: settings.gradcam.as_deref().map(|value| classifier.info().layer_name(value)),
        gradcam_why: settings.gradcam_why,
        aliases: classifier
            .info()
            .aliases()
            .map(|(alias, value)| (alias.to_owned(), value.into()))
            .collect(),
        assumed: &settings.assumed,
        inferred: &settings.inferred,
    }
}

fn layer_row<'a>(classifier: &'a Classifier, layer: &'a Layer) -> LayerDescription<'a> {
    let refusal = classifier.explainer().refusal(&layer.value);
    LayerDescription {
        name: layer.name(),
        value: &layer.value,
        kind: layer.kind,
        shape: summary::output_shape(layer),
        grid: layer.grid.map(Grid::name),
        prefix_tokens: layer.grid.map_or(0, Grid::prefix_tokens),
        parameters: layer.parameters,
        explainable: refusal.is_none(),
        refusal,
    }
}

fn parameters(classifier: &Classifier) -> usize {
    classifier.info().layers().iter().map(|layer| layer.parameters).sum()
}
