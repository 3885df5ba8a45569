use crate::attribution::UnknownMethod;
use crate::config::{ParameterError, did_you_mean};
use crate::preprocess::PictureError;
use crate::render::RenderError;
use crate::runtime::{CatalogueError, Interrupted, RuntimeError};

/// Why a model could not be loaded. The operator reads it as one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {cause}")]
pub struct LoadError {
    /// The model's file.
    pub location: String,
    /// What is wrong with it.
    pub cause: String,
}

impl From<CatalogueError> for LoadError {
    fn from(error: CatalogueError) -> Self {
        Self { location: error.location(), cause: error.cause() }
    }
}

/// Why a use case failed. The caller reads the texts: they state the value and the remedy, and
/// never a path.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A parameter is wrong.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// No model has this name.
    #[error("there is no model {model:?}{}; there are: {}", export_hint(.model), .known.join(", "))]
    UnknownModel {
        /// The name that was given.
        model: String,
        /// The models there are.
        known: Vec<String>,
    },
    /// No model was named and there is no default.
    #[error("no model is named; set the parameter `model`; there are: {}", .known.join(", "))]
    NoModelNamed {
        /// The models there are.
        known: Vec<String>,
    },
    /// The model has no such layer.
    #[error("model {model:?} has no layer {layer:?}{}", near_layer(.nearest, .model))]
    UnknownLayer {
        /// The model.
        model: String,
        /// The name that was given.
        layer: String,
        /// The names most like it.
        nearest: Vec<String>,
    },
    /// The layer has no such channel.
    #[error(
        "layer {layer:?} has no channel {channel}; it has {channels}, 0 to {}",
        .channels.saturating_sub(1)
    )]
    UnknownChannel {
        /// The layer.
        layer: String,
        /// The channel that was asked for.
        channel: usize,
        /// How many it has.
        channels: usize,
    },
    /// The value cannot be drawn as channels of pictures.
    #[error(
        "{layer:?} has shape {shape:?}, which is no picture; ask for a layer with height and width"
    )]
    NotAPicture {
        /// The value's name.
        layer: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The model has no such class.
    #[error(
        "the model has no class {class:?}{}; classes are 0 to {}, or their labels",
        did_you_mean(.nearest),
        .classes.saturating_sub(1)
    )]
    UnknownClass {
        /// The class that was asked for.
        class: String,
        /// How many there are.
        classes: usize,
        /// The labels most like it.
        nearest: Vec<String>,
    },
    /// Several classes have this label.
    #[error("{class:?} names several classes; give one of the indices {indices:?}")]
    AmbiguousClass {
        /// The label that was given.
        class: String,
        /// The classes that have it.
        indices: Vec<usize>,
    },
    /// No layer of this model can be explained.
    #[error("the model cannot be explained: it has no layer with height and width")]
    NoExplainableLayer,
    /// This layer cannot be explained.
    #[error("layer {layer:?} cannot be explained: {reason}; {}", usable_layers(.usable))]
    NotExplainable {
        /// The layer.
        layer: String,
        /// Why not.
        reason: String,
        /// The layers that can be.
        usable: Vec<String>,
    },
    /// The method cannot explain this layer. The text says why.
    #[error("{0}")]
    UnsuitableLayer(String),
    /// The model has no gradient graph by these backward rules.
    #[error("the backward rules {rules:?} do not apply to this model: {reason}")]
    RulesRefused {
        /// The rules.
        rules: &'static str,
        /// Why not, and what to use instead.
        reason: String,
    },
    /// More classes than one answer may hold.
    #[error(
        "{classes} classes were asked for, at most {limit} fit one answer: ask in several requests"
    )]
    TooManyClasses {
        /// How many were asked for.
        classes: usize,
        /// The most that are answered.
        limit: usize,
    },
    /// More passes through the network than one answer may take.
    #[error(
        "this takes {passes} passes through the network, at most {limit} are allowed for one \
         answer: ask for fewer classes or methods, or for a cheaper method"
    )]
    TooManyPasses {
        /// How many it would take.
        passes: u64,
        /// The most that are allowed.
        limit: u64,
    },
    /// The request's time would end before the last pass.
    #[error("{0}")]
    TooSlow(String),
    /// No method has this name.
    #[error(transparent)]
    UnknownMethod(#[from] UnknownMethod),
    /// The network computed NaN or an infinite number.
    #[error("the network gave {0}; check the model's card, above all input.scale, mean and std")]
    NotFinite(String),
    /// More layers than one answer may hold.
    #[error(
        "{layers} layers were asked for, at most {limit} fit one answer: ask in several requests"
    )]
    TooManyLayers {
        /// How many were asked for.
        layers: usize,
        /// The most that are answered.
        limit: usize,
    },
    /// The answer would have more bytes than it may.
    #[error("the answer would have up to {bytes} bytes, more than {limit}; {remedy}")]
    AnswerTooLarge {
        /// The most that it would have.
        bytes: u64,
        /// The most that it may have.
        limit: u64,
        /// What to ask for instead.
        remedy: &'static str,
    },
    /// The picture is wrong.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The answer's picture would be too large, or empty.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Reading the model again or running it failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// An error that no request should be able to cause.
    #[error("{0}")]
    Internal(String),
}

impl From<Interrupted> for ServiceError {
    fn from(error: Interrupted) -> Self {
        Self::Runtime(error.into())
    }
}

impl ServiceError {
    /// `error` as an internal error.
    pub(super) fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
}

fn near_layer(nearest: &[String], model: &str) -> String {
    if nearest.is_empty() {
        format!("; GET /models/{model} (or convscope summary) lists them")
    } else {
        did_you_mean(nearest)
    }
}

fn usable_layers(layers: &[String]) -> String {
    if layers.is_empty() {
        "this model has no layer that can be".to_owned()
    } else {
        format!("these can be: {}", layers.join(", "))
    }
}

/// How to export a model that many callers ask for and that is too large to be bundled.
fn export_hint(model: &str) -> &'static str {
    match model {
        "vgg16" => {
            " (to make it, run python models/export/export_keras.py vgg16:imagenet models/vgg16 on \
             a machine with internet access)"
        }
        _ => "",
    }
}
