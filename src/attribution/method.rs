use super::{AttributionError, Map, Session};
use crate::config::{Parameter, Parameters};
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
    pub parameters: &'static [Parameter],
    /// What the method needs of the gradient.
    pub gradient: GradientNeed,
    /// Passes through the network for one class, besides the forward pass that all classes share.
    /// The extents are channels, height and width of the layer.
    pub passes: fn(&Parameters, [usize; 3]) -> u64,
    /// The name of another method that gives the same map, up to a factor, at a layer with these
    /// properties.
    pub same_as: fn(&LayerProperties) -> Option<&'static str>,
    /// Computes the map.
    pub run: fn(&Session, &Parameters) -> Result<Map, AttributionError>,
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

/// What a method needs of the gradient of the score with respect to the layer.
#[derive(Debug, Clone, Copy)]
pub enum GradientNeed {
    /// Nothing.
    None,
    /// The sum over the positions of each channel.
    ChannelSums,
    /// Every element, by these rules.
    Elements(&'static Rules),
}

/// What is known of a layer before any picture is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerProperties {
    /// The gradient is the same at every position of a channel, because a mean over all positions
    /// is the only reader of the layer.
    pub uniform_gradient: bool,
}
