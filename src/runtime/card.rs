use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::Activation;
use crate::preprocess::{Color, Crop, Preset, Resize};

/// A model card, `model.toml`. Every key is optional; an unknown key is refused.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Card {
    /// How a picture becomes the input tensor.
    pub input: InputCard,
    /// How the output is read.
    pub output: OutputCard,
    /// Which layers are shown and explained.
    pub layers: LayersCard,
}

/// The `[input]` table of a card.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputCard {
    /// Height and width that the network sees.
    pub size: Option<[usize; 2]>,
    /// A published preprocessing. The keys below take precedence.
    pub preset: Option<Preset>,
    /// Order of the channels.
    pub color: Option<Color>,
    /// The factor that pixels, 0 to 255, are multiplied by first.
    pub scale: Option<f32>,
    /// Subtracted after that, in the order of `color`.
    pub mean: Option<Vec<f32>>,
    /// The divisor, applied last, in the order of `color`.
    pub std: Option<Vec<f32>>,
    /// How pixels are interpolated.
    pub resize: Option<Resize>,
    /// What happens to a picture of another shape.
    pub crop: Option<Crop>,
    /// The shorter side before a centre crop, in pixels. None: the smallest picture that covers
    /// `size`.
    pub resize_to: Option<usize>,
}

/// The `[output]` table of a card.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputCard {
    /// The output that holds the scores, if the graph has several.
    pub name: Option<String>,
    /// The activation of the output, if the graph does not end in a softmax or sigmoid.
    pub activation: Option<Activation>,
    /// The label file, beside the card.
    pub labels: Option<String>,
}

/// The `[layers]` table of a card.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayersCard {
    /// The layers that are shown when a request names none.
    pub show: Option<Vec<String>>,
    /// The layer that Grad-CAM explains when a request names none.
    pub gradcam: Option<String>,
    /// Further names: alias to the value's name.
    pub aliases: BTreeMap<String, String>,
}
