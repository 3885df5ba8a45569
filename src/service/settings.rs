use super::CardValue;
use super::input_settings::InputSettings;
use crate::config::{Activation, Layout};
use crate::onnx::{Facts, Head, Kind, Layer};
use crate::preprocess::{Preprocessing, Preset};
use crate::runtime::{Card, Source};

/// A model's card with every gap filled. Values that the graph states are read from it. The rest
/// takes the documented defaults, and each default is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How a picture becomes the input tensor.
    pub preprocessing: Preprocessing,
    /// What turns the logits into probabilities.
    pub activation: Activation,
    /// The number of classes; one sigmoid unit counts as two.
    pub classes: usize,
    /// The values that are shown when a request names no layer.
    pub shown: Vec<String>,
    /// The value that is explained when a request names no layer; none where the model has no layer
    /// with positions.
    pub gradcam: Option<String>,
    /// Why that layer was chosen, or why there is none.
    pub gradcam_why: &'static str,
    /// The values that the card does not state, but the graph.
    pub inferred: Vec<CardValue>,
    /// The defaults that were assumed, since neither the card nor the graph states the value.
    pub assumed: Vec<CardValue>,
}

/// The card's key of the activation.
const ACTIVATION: &str = "output.activation";
/// How many layers are shown when a card names none: enough to see the depth, few enough to view.
const SHOWN_LAYERS: usize = 12;

impl Settings {
    /// Settings whose input side is `input`.
    pub(super) fn of(input: InputSettings) -> Self {
        let InputSettings { preprocessing, inferred, assumed } = input;
        Self {
            preprocessing,
            activation: Activation::Logits,
            classes: 0,
            shown: Vec::new(),
            gradcam: None,
            gradcam_why: "",
            inferred,
            assumed,
        }
    }

    /// The assumed values of the preprocessing, such as `input.color=rgb`. None where nothing is
    /// assumed.
    #[must_use]
    pub fn assumed_preprocessing(&self) -> Option<String> {
        let values = self.assumed_of_the_input().into_iter();
        let values: Vec<String> = values.map(|it| format!("{}={}", it.key, it.value)).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The same as values of a card.
    pub(super) fn assumed_of_the_input(&self) -> Vec<&CardValue> {
        self.assumed.iter().filter(|value| value.key.starts_with("input.")).collect()
    }

    /// The same settings with the preprocessing of `preset`. None where the preset does not
    /// fit the input.
    pub(super) fn with_preset(&self, preset: Preset) -> Option<Self> {
        let preprocessing = preset.apply(&self.preprocessing)?;
        preprocessing.check().ok()?;
        let is_stated = |value: &CardValue| match value.key {
            "input.resize" => preset.resize().is_some(),
            "input.crop" => preset.crop().is_some(),
            key => key.starts_with("input.") && key != "input.size",
        };
        let mut settings = Self { preprocessing, ..self.clone() };
        settings.assumed.retain(|value| !is_stated(value));
        settings.inferred.retain(|value| !is_stated(value));
        Some(settings)
    }

    /// The input tensor's shape, batch 1.
    #[must_use]
    pub fn input_shape(&self) -> [usize; 4] {
        let [height, width] = self.preprocessing.size;
        let channels = self.preprocessing.channels();
        match self.preprocessing.layout {
            Layout::Nchw => [1, channels, height, width],
            Layout::Nhwc => [1, height, width, channels],
        }
    }

    /// Fills in the output side. The operator that the graph ends in overrides the card.
    pub(super) fn fill_output(
        &mut self,
        source: &Source,
        head: &Head,
        facts: &Facts,
    ) -> Result<(), String> {
        let shape = facts.shape(&head.logits).ok_or_else(|| {
            format!(
                "the shape of output {:?} cannot be told from the shape of the input; export the \
                 model with a fixed input size, or simplify the file with onnxsim",
                head.output
            )
        })?;
        let units: usize = shape.iter().product();
        let is_vector = shape.iter().filter(|&&dim| dim > 1).count() <= 1;
        if !is_vector || units == 0 {
            return Err(format!(
                "output {:?} has shape {shape:?}, but a classifier gives one score for each class; \
                 {}",
                head.output,
                match head.other_outputs.as_slice() {
                    [] => "export the classifier with its last layer".to_owned(),
                    others =>
                        format!("set output.name on the card to one of {}", others.join(", ")),
                }
            ));
        }
        if source.card.output.name.is_none() && !head.other_outputs.is_empty() {
            self.assumed.push(CardValue {
                key: "output.name",
                value: head.output.clone(),
                why: "of the graph's outputs, it looks most like scores",
            });
        }
        let known = head.activation.or(source.card.output.activation);
        let activation = known.unwrap_or_else(|| {
            let assumed = if units == 1 { Activation::Sigmoid } else { Activation::Softmax };
            self.assumed.push(CardValue {
                key: ACTIVATION,
                value: if units == 1 { "sigmoid" } else { "softmax" }.to_owned(),
                why: "the graph ends in logits",
            });
            assumed
        });
        self.activation = activation;
        let one_unit = units == 1 && activation == Activation::Sigmoid;
        self.classes = if one_unit { 2 } else { units };
        let labels = source.labels.len();
        if labels != 0 && labels != self.classes {
            return Err(format!(
                "the label file names {labels} classes, but output {:?} has {}; correct the label \
                 file, or set output.name on the card",
                head.output, self.classes
            ));
        }
        Ok(())
    }

    /// Whether nothing but an assumption says that the output is logits of a softmax.
    pub(super) fn assumes_softmax(&self) -> bool {
        self.activation == Activation::Softmax
            && self.assumed.iter().any(|value| value.key == ACTIVATION)
    }

    /// Records that the output is probabilities already.
    pub(super) fn set_probabilities(&mut self) {
        self.activation = Activation::Probabilities;
        self.assumed.retain(|value| value.key != ACTIVATION);
        self.inferred.push(CardValue {
            key: ACTIVATION,
            value: "probabilities".to_owned(),
            why: "the outputs for a test picture are positive and sum to 1",
        });
    }

    /// Fills in which layers are shown and explained.
    pub(super) fn fill_layers(
        &mut self,
        card: &Card,
        layers: &[Layer],
        is_explainable: impl Fn(&str) -> bool,
        value_of: impl Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        let find = |name: &String| {
            let value = value_of(card.layers.aliases.get(name).unwrap_or(name));
            value.ok_or_else(|| {
                format!(
                    "the card names layer {name:?}, which the graph does not have; correct the \
                     card, or leave the layer out to see the names of all layers"
                )
            })
        };
        for name in card.layers.aliases.values() {
            find(name)?;
        }
        self.shown = match &card.layers.show {
            Some(names) => names.iter().map(find).collect::<Result<_, _>>()?,
            None => evenly_spaced(layers),
        };
        let usable = |layer: &&Layer| is_explainable(&layer.value);
        (self.gradcam, self.gradcam_why) = match &card.layers.gradcam {
            Some(name) => (Some(find(name)?), "the card names it"),
            None => match last_spatial(layers.iter().filter(usable)) {
                Some(last) => (Some(last), LAST_SPATIAL),
                None => (last_spatial(layers.iter()), LAST_REFUSED),
            },
        };
        if self.gradcam.is_none() {
            self.gradcam_why = "no layer has height and width";
        }
        Ok(())
    }
}

/// At most [`SHOWN_LAYERS`] layers with positions, evenly spaced over the depth.
fn evenly_spaced(layers: &[Layer]) -> Vec<String> {
    let spatial: Vec<&Layer> = layers.iter().filter(|layer| layer.has_positions()).collect();
    let count = spatial.len().min(SHOWN_LAYERS);
    let position = |index: usize| match count {
        0 | 1 => 0,
        _ => index * (spatial.len() - 1) / (count - 1),
    };
    (0..count).map(|index| spatial[position(index)].value.clone()).collect()
}

const LAST_SPATIAL: &str =
    "the last layer with height and width, pools aside, that can be explained";
const LAST_REFUSED: &str =
    "the last layer with height and width, pools aside; none of these can be explained";

/// The last convolution, merge or normalization that still has height and width. A dense layer over
/// tokens, such as the queries and keys of an attention, is taken only where there is no other.
fn last_spatial<'l>(layers: impl DoubleEndedIterator<Item = &'l Layer> + Clone) -> Option<String> {
    let spatial = |layer: &&Layer| layer.has_positions() && layer.kind != Kind::Pooling;
    let is_preferred = |layer: &&Layer| spatial(layer) && layer.kind != Kind::Dense;
    let found = layers.clone().rev().find(is_preferred).or_else(|| layers.rev().find(spatial));
    found.map(|layer| layer.value.clone())
}
