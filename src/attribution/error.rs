use crate::explain::SeedError;
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
