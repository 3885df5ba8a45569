use super::{AttributionError, Map, MethodParameter, Options, Session};
use crate::gradient::Rules;

/// One published way to explain. Everything that the service says of a method comes from its row.
#[derive(Debug)]
pub struct Method {
    /// What callers type.
    pub name: &'static str,
    /// Its usual name.
    pub title: &'static str,
    /// The address of the paper that defines it.
    pub paper: &'static str,
    /// The map's formula. A is the layer's value, k a channel, i and j a position, s the score.
    pub formula: &'static str,
    /// Where the map's values lie.
    pub resolution: Resolution,
    /// Which values are shown unless the caller says so.
    pub range: Range,
    /// Whether the map depends on the class. The maps of some methods hardly do.
    pub class_sensitive: bool,
    /// The method's own parameters.
    pub parameters: &'static [MethodParameter],
    /// What the method needs of the network. A session gives nothing else.
    pub needs: &'static [Need],
    /// Passes through the network for one class, besides the forward pass that all classes share.
    pub passes: fn(&Options, &Extents) -> u64,
    /// The name of another method that gives the same map, up to a factor, at a layer with these
    /// properties.
    pub same_as: fn(&LayerProperties) -> Option<&'static str>,
    /// Computes the map.
    pub run: fn(&Session, &Options) -> Result<Map, AttributionError>,
}

/// The sizes that the cost of a method depends on: channels, height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extents {
    /// Those of the layer.
    pub layer: [usize; 3],
    /// Those of the network's input.
    pub input: [usize; 3],
}

/// Where a map's values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// At the layer's positions.
    Layer,
    /// At the pixels of the network's input.
    Input,
}

impl Resolution {
    /// The default percentile beyond which values are clipped in a picture. Maps at the input's
    /// pixels have a few very large values, maps at a layer have none.
    #[must_use]
    pub fn percentile(self) -> f64 {
        match self {
            Self::Layer => 100.0,
            Self::Input => 99.0,
        }
    }
}

/// Which values of a map are shown unless the caller says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Range {
    /// Positive values alone.
    Positive,
    /// Both signs.
    Signed,
}

/// What a method needs of the network. It is compiled before the method runs.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// The layer's value alone.
    Activations,
    /// The sum over the positions of each channel of the layer's gradient.
    ChannelSums,
    /// Every element of the layer's gradient, by these rules.
    Gradient(&'static Rules),
    /// The gradient at the input, by these rules.
    InputGradient(&'static Rules),
    /// The gradients at altered inputs, by these rules. Each takes a forward and a backward pass.
    InputGradients(&'static Rules),
    /// The scores of altered inputs.
    Scores,
    /// The scores of altered values of the layer, by the part of the network behind it.
    ScoresFromLayer,
}

impl Need {
    /// Whether the layer's value or its gradient is read.
    #[must_use]
    pub fn is_of_layer(&self) -> bool {
        match self {
            Self::Activations | Self::ChannelSums | Self::Gradient(_) | Self::ScoresFromLayer => {
                true
            }
            Self::InputGradient(_) | Self::InputGradients(_) | Self::Scores => false,
        }
    }

    /// The backward rules, where there is a backward pass.
    #[must_use]
    pub fn rules(&self) -> Option<&'static Rules> {
        match self {
            Self::ChannelSums => Some(Rules::GRADIENT),
            Self::Gradient(rules) | Self::InputGradient(rules) | Self::InputGradients(rules) => {
                Some(rules)
            }
            Self::Activations | Self::Scores | Self::ScoresFromLayer => None,
        }
    }
}

impl Method {
    /// Whether the method explains by a layer.
    #[must_use]
    pub fn reads_layer(&self) -> bool {
        self.needs.iter().any(Need::is_of_layer)
    }
}

/// What is known of a layer before any picture is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerProperties {
    /// The gradient is the same at every position of a channel, because a mean over all positions
    /// is the only reader of the layer.
    pub uniform_gradient: bool,
}
