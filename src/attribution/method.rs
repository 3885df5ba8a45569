use super::aug_smooth::{AUG_SMOOTH, INPUTS, smoothed};
use super::{AttributionError, Map, MethodParameter, Options, Session, Word};
use crate::gradient::Rules;

/// One published way to explain. Everything that the service says of a method comes from its row.
#[derive(Debug)]
pub struct Method {
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
    /// Passes through the network for one class and one input, besides the forward pass that all
    /// classes share.
    pub passes: fn(&Options, &Extents) -> u64,
    /// The name of another method that gives the same map, up to a factor, at a layer with these
    /// properties.
    pub same_as: fn(&LayerProperties) -> Option<&'static str>,
    /// Computes the map of one input.
    pub run: fn(&Session, &Options) -> Result<Map, AttributionError>,
}

/// What methods that work alike have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Class activation maps: sums over the channels of a layer, or parts of it.
    Cam,
    /// Gradients at the pixels.
    Gradient,
    /// Backward passes by other rules than those of the gradient.
    Rules,
    /// Scores of altered pictures.
    Perturbation,
    /// The attention of transformers.
    Attention,
}

/// The sizes that the cost of a method depends on: channels, height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extents {
    /// Those of the layer.
    pub layer: [usize; 3],
    /// Those of the network's input.
    pub input: [usize; 3],
    /// Rows and columns of the tokens between which all attentions are. 0 where there are none.
    pub tokens: [usize; 2],
}

impl Extents {
    /// Channels, height and width of the values of a map of `resolution`.
    #[must_use]
    pub fn at(self, resolution: Resolution) -> [usize; 3] {
        match resolution {
            Resolution::Layer => self.layer,
            Resolution::Input => self.input,
            Resolution::Tokens => [1, self.tokens[0], self.tokens[1]],
        }
    }
}

/// Where a map's values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// At the layer's positions.
    Layer,
    /// At the pixels of the network's input.
    Input,
    /// At the tokens between which all attentions are.
    Tokens,
}

impl Resolution {
    /// The default percentile beyond which values are clipped in a picture. Maps at the input's
    /// pixels have a few very large values, maps at a layer have none.
    #[must_use]
    pub fn percentile(self) -> f64 {
        match self {
            Self::Layer | Self::Tokens => 100.0,
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
    /// The gradient at the input, by the rules whose place in the list is that of the parameter's
    /// value among its words.
    InputGradientByChoice(&'static Word, &'static [&'static Rules]),
    /// The gradient at the input, and those of all biases.
    FullGradient,
    /// The gradients at altered inputs, by these rules. Each takes a forward and a backward pass.
    InputGradients(&'static Rules),
    /// The scores of altered inputs.
    Scores,
    /// The scores of altered values of the layer, by the part of the network behind it.
    ScoresFromLayer,
    /// A mean over all positions behind the layer, and then at most one dense layer.
    LinearHead,
    /// The weights of every attention.
    Attention,
    /// The gradient at every attention.
    AttentionGradient,
    /// The gradient at every attention of the score of its own block's tokens.
    BlockGradients,
}

impl Need {
    /// Whether the layer's value or its gradient is read.
    #[must_use]
    pub fn is_of_layer(&self) -> bool {
        match self {
            Self::Activations
            | Self::ChannelSums
            | Self::Gradient(_)
            | Self::ScoresFromLayer
            | Self::LinearHead => true,
            Self::InputGradient(_)
            | Self::InputGradientByChoice(..)
            | Self::FullGradient
            | Self::InputGradients(_)
            | Self::Scores
            | Self::Attention
            | Self::AttentionGradient
            | Self::BlockGradients => false,
        }
    }

    /// The backward rules, where there is a backward pass.
    #[must_use]
    pub fn rules(&self) -> &[&'static Rules] {
        match self {
            Self::ChannelSums
            | Self::FullGradient
            | Self::AttentionGradient
            | Self::BlockGradients => &[Rules::GRADIENT],
            Self::Gradient(rules) | Self::InputGradient(rules) | Self::InputGradients(rules) => {
                std::slice::from_ref(rules)
            }
            Self::InputGradientByChoice(_, rules) => rules,
            Self::Activations
            | Self::Scores
            | Self::ScoresFromLayer
            | Self::LinearHead
            | Self::Attention => &[],
        }
    }

    /// What is needed with these parameters.
    #[must_use]
    pub fn with(&self, options: &Options) -> Self {
        match *self {
            Self::InputGradientByChoice(word, rules) => {
                chosen(word, rules, options).map_or(*self, Self::InputGradient)
            }
            other => other,
        }
    }
}

/// The rules that the parameter `word` names.
pub(super) fn chosen(
    word: &Word,
    rules: &[&'static Rules],
    options: &Options,
) -> Option<&'static Rules> {
    let value = options.word(word);
    let place = word.words.iter().position(|word| *word == value)?;
    rules.get(place).copied()
}

impl Method {
    /// The map. With `aug_smooth` it is the mean over altered inputs.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn map(&self, session: &Session, options: &Options) -> Result<Map, AttributionError> {
        match options.is_on(&AUG_SMOOTH) {
            true => smoothed(self.run, session, options),
            false => (self.run)(session, options),
        }
    }

    /// Passes through the network for one class, besides the forward pass that all classes share.
    #[must_use]
    pub fn all_passes(&self, options: &Options, extents: &Extents) -> u64 {
        let passes = (self.passes)(options, extents);
        match options.is_on(&AUG_SMOOTH) {
            true => INPUTS as u64 * (1 + passes),
            false => passes,
        }
    }

    /// Whether whole sessions at altered inputs are needed.
    #[must_use]
    pub fn alters_inputs(&self, options: &Options) -> bool {
        options.is_on(&AUG_SMOOTH)
    }

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
    /// At most one dense layer follows that mean.
    pub linear_head: bool,
}
