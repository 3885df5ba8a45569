//! The use cases, as HTTP and the command line both call them.

mod activations;
mod answer;
mod backward;
mod classes;
mod classifier;
mod desk;
mod error;
mod explainable;
mod forward;
mod gradcam;
mod gradient_request;
mod library;
mod models;
mod numpy;
mod parameters;
mod predict;
mod proof;
mod recent;
mod scores;
mod seen;
mod settings;
mod shelf;

pub use activations::Activations;
pub use answer::{Answer, Form, Stages, UseCase};
pub use classes::ClassScore;
pub use classifier::{Classifier, channels, picture_shape};
pub use desk::Desk;
pub use error::{LoadError, ServiceError};
pub use forward::Extent;
pub use gradcam::GradCam;
pub use gradient_request::GradientRequest;
pub use library::{Library, Refused};
pub use models::{
    InputDescription, LayerDescription, ModelDescription, ModelEntry, ModelList, OutputDescription,
    model_description, model_list, summary,
};
pub use parameters::{Parameter, ParameterError, Parameters};
pub use predict::Predict;
pub use scores::Scores;
pub use seen::{Memory, Seen};
pub use settings::{Assumption, Settings};
pub use shelf::Shelf;

/// The parameter that every use case has.
const MODEL: Parameter = Parameter {
    name: "model",
    value: "NAME",
    help: "the model to ask (default: the server's default model)",
    repeatable: false,
};
