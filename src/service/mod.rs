//! The use cases, as HTTP and the command line both call them.

mod activations;
mod answer;
mod classifier;
mod error;
mod library;
mod models;
mod parameters;
mod settings;

pub use activations::Activations;
pub use answer::{Answer, Form, Stages, UseCase};
pub use classifier::{Classifier, channels, picture_shape};
pub use error::{LoadError, ServiceError};
pub use library::Library;
pub use models::{
    InputDescription, LayerDescription, ModelDescription, ModelEntry, ModelList,
    OutputDescription, model_description, model_list, summary,
};
pub use parameters::{Parameter, ParameterError, Parameters};
pub use settings::{Assumption, Settings};

/// The parameter that every use case has.
const MODEL: Parameter = Parameter {
    name: "model",
    value: "NAME",
    help: "the model to ask (default: the server's default model)",
    repeatable: false,
};
