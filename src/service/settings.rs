use serde::Serialize;

use super::picture_input::PictureInput;
use crate::config::{Activation, Layout};
use crate::onnx::{Facts, Head, Kind, Layer};
use crate::preprocess::{Color, Preprocessing};
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
    /// The layers shown when a request names none.
    pub shown: Vec<String>,
    /// The layer explained when a request names none; none where the model has no layer with
    /// positions.
    pub gradcam: Option<String>,
    /// Why that layer was chosen, or why there is none.
    pub gradcam_why: &'static str,
    /// The defaults that were assumed, since neither the card nor the graph states the value.
    pub assumed: Vec<Assumption>,
}

/// A default that was assumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// The card's key, such as `input.scale`.
    pub key: &'static str,
    /// The value taken.
    pub value: String,
    /// Why this one.
    pub why: &'static str,
}

/// How many layers are shown when a card names none: enough to see the depth, few enough to view.
const SHOWN_LAYERS: usize = 12;
/// The input's height and width where neither the card nor the graph states them.
const DEFAULT_SIZE: usize = 224;

impl Settings {
    /// Fills in the input side of `card`.
    pub(super) fn of(card: &Card, input: &PictureInput) -> Result<Self, String> {
        let mut assumed = Vec::new();
        let mut assume = |key, value: String, why| assumed.push(Assumption { key, value, why });
        let size = size(card, input, &mut assume)?;
        let given = &card.input;
        let color = given.color.unwrap_or_else(|| {
            let color = if input.channels == 1 { Color::Gray } else { Color::Rgb };
            if input.channels == 3 {
                assume("input.color", "rgb".to_owned(), "most networks take it");
            }
            color
        });
        if (color == Color::Gray) != (input.channels == 1) {
            let channels = input.channels;
            return Err(format!(
                "input.color is {color:?}, but the graph takes {channels} channels"
            ));
        }
        let scale = given.scale.unwrap_or_else(|| {
            assume("input.scale", "0.00392156862745098".to_owned(), "values from 0 to 1");
            1.0 / 255.0
        });
        if given.mean.is_none() && given.scale.is_none() {
            assume("input.mean", "0".to_owned(), "nothing is subtracted");
        }
        if given.std.is_none() && given.scale.is_none() {
            assume("input.std", "1".to_owned(), "the values are not divided");
        }
        if given.resize.is_none() {
            assume("input.resize", "nearest".to_owned(), "as Keras load_img");
        }
        if given.crop.is_none() {
            assume("input.crop", "none".to_owned(), "stretched to size");
        }
        let preprocessing = Preprocessing {
            size,
            color,
            scale,
            mean: triple("input.mean", given.mean.as_deref(), 0.0, input.channels)?,
            std: triple("input.std", given.std.as_deref(), 1.0, input.channels)?,
            resize: given.resize.unwrap_or_default(),
            crop: given.crop.unwrap_or_default(),
            resize_to: given.resize_to,
            layout: input.layout,
        };
        preprocessing.check().map_err(|error| format!("input: {error}"))?;
        let activation = Activation::Logits;
        let (shown, gradcam, gradcam_why) = (Vec::new(), None, "");
        Ok(Self { preprocessing, activation, classes: 0, shown, gradcam, gradcam_why, assumed })
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
        let shape = facts
            .shape(&head.logits)
            .ok_or_else(|| format!("the shape of output {:?} is not known", head.output))?;
        let units: usize = shape.iter().product();
        let is_vector = shape.iter().filter(|&&dim| dim > 1).count() <= 1;
        if !is_vector || units == 0 {
            return Err(format!(
                "output {:?} has shape {shape:?}; a classifier gives one score for each class",
                head.output
            ));
        }
        let known = head.activation.or(source.card.output.activation);
        let activation = known.unwrap_or_else(|| {
            let assumed = if units == 1 { Activation::Sigmoid } else { Activation::Softmax };
            self.assumed.push(Assumption {
                key: "output.activation",
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
                "the label file names {labels} classes, the graph {}",
                self.classes
            ));
        }
        Ok(())
    }

    /// Fills in which layers are shown and explained.
    pub(super) fn fill_layers(
        &mut self,
        card: &Card,
        layers: &[Layer],
        is_explainable: impl Fn(&str) -> bool,
        exists: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        let named = card.layers.show.iter().flatten();
        let named = named.chain(&card.layers.gradcam).chain(card.layers.aliases.values());
        for name in named {
            if !exists(name) && !card.layers.aliases.contains_key(name) {
                return Err(format!(
                    "the card names layer {name:?}, which the graph does not have"
                ));
            }
        }
        self.shown = card.layers.show.clone().unwrap_or_else(|| evenly_spaced(layers));
        let usable = |layer: &&Layer| is_explainable(&layer.name);
        (self.gradcam, self.gradcam_why) = match &card.layers.gradcam {
            Some(named) => (Some(named.clone()), "the card names it"),
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

fn size(
    card: &Card,
    input: &PictureInput,
    assume: &mut impl FnMut(&'static str, String, &'static str),
) -> Result<[usize; 2], String> {
    let given = card.input.size.map(|[height, width]| [Some(height), Some(width)]);
    let [given_height, given_width] = given.unwrap_or_default();
    let [height, width] = input.size;
    let size = [side(height, given_height)?, side(width, given_width)?];
    if card.input.size.is_none() && input.size.contains(&None) {
        assume("input.size", format!("{size:?}"), "the graph leaves it open");
    }
    Ok(size)
}

/// One side of the input: the graph's, else the card's.
fn side(fixed: Option<usize>, given: Option<usize>) -> Result<usize, String> {
    match (fixed, given) {
        (Some(fixed), Some(given)) if fixed != given => Err(format!(
            "input.size is {given} on the card and {fixed} in the graph; correct the card"
        )),
        (Some(known), _) | (None, Some(known)) => Ok(known),
        (None, None) => Ok(DEFAULT_SIZE),
    }
}

/// The card's one or three numbers as three.
fn triple(
    key: &str,
    given: Option<&[f32]>,
    default: f32,
    channels: usize,
) -> Result<[f32; 3], String> {
    match given {
        None => Ok([default; 3]),
        Some(&[one]) => Ok([one; 3]),
        Some(&[a, b, c]) if channels == 3 => Ok([a, b, c]),
        Some(other) => {
            Err(format!("{key} has {} numbers; it takes one, or one for each channel", other.len()))
        }
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
    (0..count).map(|index| spatial[position(index)].name.clone()).collect()
}

const LAST_SPATIAL: &str =
    "the last layer with height and width, pools aside, that can be explained";
const LAST_REFUSED: &str =
    "the last layer with height and width, pools aside; none of these can be explained";

/// The last convolution or merge that still has height and width.
fn last_spatial<'l>(layers: impl DoubleEndedIterator<Item = &'l Layer>) -> Option<String> {
    let spatial = |layer: &&Layer| layer.has_positions() && layer.kind != Kind::Pooling;
    layers.rev().find(spatial).map(|layer| layer.name.clone())
}
