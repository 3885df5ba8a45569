//! The use cases, as HTTP and the command line both call them.

mod activations;
mod answer_size;
mod base64_png;
mod card_value;
mod class_score;
mod classifier;
mod context;
mod error;
mod evaluate;
mod explain;
mod filters;
mod forward_cache;
mod gradient_file;
mod input_settings;
mod job;
mod layer_view;
mod loaded_models;
mod methods;
mod model_info;
mod model_loader;
mod model_registry;
mod models;
mod numpy;
mod picture_input;
mod predict;
mod random_network;
mod report;
mod scores;
mod settings;
mod stages;
mod test_picture;
mod use_case;
mod warm_up;

pub use activations::Activations;
pub use answer_size::AnswerSize;
pub use card_value::CardValue;
pub use class_score::ClassScore;
pub use classifier::Classifier;
pub use context::Context;
pub use error::{LoadError, ServiceError};
pub use evaluate::{Evaluate, Evaluation};
pub use explain::{Explain, Explanation, GradCam};
pub use filters::{FilterPatterns, FilterStart, Filters};
pub use forward_cache::{CachedForward, ForwardCache};
pub use gradient_file::GradientFile;
pub use job::Job;
pub use layer_view::{channels, picture_shape};
pub use loaded_models::{LoadedModels, Refused};
pub use methods::{MethodDescription, MethodsOfModel, method_list, method_table};
pub use model_info::ModelInfo;
pub use model_loader::ModelLoader;
pub use model_registry::ModelRegistry;
pub use models::{
    InputDescription, LayerDescription, ModelDescription, ModelEntry, ModelList, OutputDescription,
    model_description, model_list, summary,
};
pub use predict::Predict;
pub use report::Report;
pub use scores::Scores;
pub use settings::Settings;
pub use stages::Stages;
pub use use_case::{Answer, OutputFormat, PictureFile, UseCase};

use crate::config::Parameter;

/// The parameter of use cases that take a picture.
const PRESET: Parameter = Parameter {
    name: "preset",
    value: "own|torchvision|keras-caffe|keras-tf|unit|raw",
    help: "how to preprocess the picture; own is as the card or the graph says (default: own)",
    repeatable: false,
};

/// The parameter that every use case has.
const MODEL: Parameter = Parameter {
    name: "model",
    value: "NAME",
    help: "the model to ask (default: the server's default model)",
    repeatable: false,
};
