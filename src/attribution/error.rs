use crate::config::ParameterError;
use crate::explain::SeedError;
use crate::gradient::{GradientError, Rules};
use crate::onnx::Layer;
use crate::runtime::RuntimeError;

/// Why a layer could not be explained.
#[derive(Debug, thiserror::Error)]
pub enum AttributionError {
    /// The method cannot explain this layer.
    #[error("layer {layer:?} cannot be explained: {reason}")]
    NotExplainable {
        /// The layer.
        layer: String,
        /// Why not.
        reason: String,
    },
    /// The method needs a linear head, and the layer has none.
    #[error(
        "cam cannot explain layer {0:?}: it needs a layer that is followed only by a mean over all \
         positions and at most one dense layer; use gradcam or hirescam, or name another layer"
    )]
    NoLinearHead(String),
    /// The method reads attention, and the network's does not suit it.
    #[error("the method reads attention between all tokens: {0}; use gradcam or attnlrp")]
    NoAttention(&'static str),
    /// A principal component of the layer would take too long.
    #[error(
        "a principal component takes at most {limit} channels or at most {limit} positions, but \
         the layer is {shape:?} (channels × height × width); name another layer"
    )]
    TooLargeLayer {
        /// Channels, height and width of the layer.
        shape: [usize; 3],
        /// The most of channels or positions, whichever are fewer.
        limit: usize,
    },
    /// A parameter does not fit what is explained.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// The network has no gradient graph by these rules.
    #[error("the backward rules {rules:?} do not apply to this model: {reason}")]
    RulesRefused {
        /// The rules.
        rules: &'static str,
        /// Why not.
        reason: String,
    },
    /// The gradient graph would be a larger file than is allowed.
    #[error("the gradient graph would have up to {bytes} bytes, more than {limit}")]
    TooLarge {
        /// The most that it would have.
        bytes: u64,
        /// The most that it may have.
        limit: u64,
    },
    /// There are not as many weights as channels, or the layer has no elements.
    #[error("activations are {activations:?} (channels × height × width), weights are {weights}")]
    Mismatch {
        /// The shape of the activations.
        activations: [usize; 3],
        /// The number of weights.
        weights: usize,
    },
    /// Activations and gradient differ in shape, or have no elements.
    #[error(
        "activations are {activations:?} (channels × height × width), the gradient {gradient:?}"
    )]
    Shapes {
        /// The shape of the activations.
        activations: [usize; 3],
        /// The shape of the gradient.
        gradient: [usize; 3],
    },
    /// The deadline would pass before the last pass.
    #[error(
        "{passes} further passes of at least {milliseconds} ms take longer than a request may; ask \
         for fewer (masks, samples, steps, channels, a larger window or stride), or for a method \
         of fewer passes"
    )]
    TooSlow {
        /// The passes that are left.
        passes: usize,
        /// What each takes at least.
        milliseconds: u64,
    },
    /// A method asked for something that its row in the table of methods does not name.
    #[error("{0} was not prepared; the method's row must name it among its needs")]
    NotPrepared(String),
    /// The class does not exist, or a logit is not finite.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// Compiling or running a graph failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl From<crate::runtime::Interrupted> for AttributionError {
    fn from(error: crate::runtime::Interrupted) -> Self {
        Self::Runtime(error.into())
    }
}

/// The error for a layer whose value does not have the expected shape.
pub(super) fn unexpected_shape(layer: &Layer) -> AttributionError {
    let reason = format!("its value of shape {:?} is not channels × height × width", layer.shape);
    AttributionError::NotExplainable { layer: layer.name().to_owned(), reason }
}

/// The error for values to which no graph by `rules` leads.
pub(super) fn refused(
    values: &[&str],
    rules: &'static Rules,
    error: &GradientError,
) -> AttributionError {
    let reason = error.to_string();
    if rules.name != Rules::GRADIENT.name {
        return AttributionError::RulesRefused { rules: rules.name, reason };
    }
    let layer = values.first().copied().unwrap_or_default().to_owned();
    AttributionError::NotExplainable { layer, reason }
}
