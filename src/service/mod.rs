//! The use cases, as HTTP and the command line both call them.

mod activations;
mod backward;
mod classes;
mod classifier;
mod context;
mod error;
mod explainable;
mod forward;
mod forward_cache;
mod gradcam;
mod gradient_request;
mod loaded_models;
mod lru_cache;
mod model_registry;
mod models;
mod numpy;
mod predict;
mod scores;
mod settings;
mod stages;
mod use_case;
mod warm_up;

pub use activations::Activations;
pub use classes::ClassScore;
pub use classifier::{Classifier, channels, picture_shape};
pub use context::Context;
pub use error::{LoadError, ServiceError};
pub use forward::OutputSet;
pub use forward_cache::{CachedForward, ForwardCache};
pub use gradcam::GradCam;
pub use gradient_request::GradientRequest;
pub use loaded_models::{LoadedModels, Refused};
pub use model_registry::ModelRegistry;
pub use models::{
    InputDescription, LayerDescription, ModelDescription, ModelEntry, ModelList, OutputDescription,
    model_description, model_list, summary,
};
pub use predict::Predict;
pub use scores::Scores;
pub use settings::{Assumption, Settings};
pub use stages::Stages;
pub use use_case::{Answer, Job, OutputFormat, PictureFile, UseCase};

/// The parameter that every use case has.
use crate::config::Parameter;

const MODEL: Parameter = Parameter {
    name: "model",
    value: "NAME",
    help: "the model to ask (default: the server's default model)",
    repeatable: false,
};
