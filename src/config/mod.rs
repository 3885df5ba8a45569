//! Every flag, environment variable, default and limit, each declared once.

mod access;
mod engine;
mod http;
mod kserve;
mod limits;
mod listen;
mod model;
mod model_limits;
mod parameters;
mod seconds;
mod suggestions;

use std::path::PathBuf;

use clap::Args;

pub use access::AccessConfig;
pub use engine::{DenseWeights, EngineConfig};
pub use http::HttpLimits;
pub use kserve::KserveConfig;
pub use limits::{ImageLimits, Limits};
pub use listen::ListenConfig;
pub use model::{Activation, Layout};
pub use model_limits::ModelLimits;
pub use parameters::{MAX_VALUE_BYTES, MAX_VALUES, Parameter, ParameterError, Parameters};
pub use seconds::{Seconds, SecondsError};
pub use suggestions::{did_you_mean, excerpt, nearest, truncated};

/// The name of the model for requests that name no model.
pub const DEFAULT_MODEL: &str = "cats_and_dogs_small_1";

/// The models folder where no flag names one. It need not exist.
pub const DEFAULT_FOLDER: &str = "models";

/// How the server runs. Every flag has an environment variable of the same name, `CONVSCOPE_…`.
#[derive(Debug, Clone, Args)]
pub struct ServerConfig {
    /// Where to listen
    #[command(flatten)]
    pub listen: ListenConfig,
    /// The models to load
    #[command(flatten)]
    pub models: ModelsConfig,
    /// Worker threads for decoding, running networks and drawing; 0 is the default [default: one a
    /// core]
    #[arg(long, value_name = "N", env = "CONVSCOPE_WORKERS")]
    pub workers: Option<u16>,
    /// Requests that may wait for a worker [default: twice the workers]
    #[arg(long, value_name = "N", env = "CONVSCOPE_QUEUE")]
    pub queue: Option<u16>,
    /// Memory for the cache of recent pictures and their forward passes, in bytes. Explaining
    /// another class of a cached picture needs no forward pass. Asking for more layers needs one
    /// forward pass, which computes all of them
    #[arg(long, value_name = "BYTES", env = "CONVSCOPE_CACHE_BYTES", default_value_t = 128 << 20)]
    pub cache_bytes: usize,
    /// Refuse to start if a model cannot be loaded; otherwise it is skipped
    #[arg(long, env = "CONVSCOPE_STRICT")]
    pub strict: bool,
    /// Polling interval of the models folder, in seconds; 0 turns polling off
    #[arg(
        long,
        value_name = "SECONDS",
        env = "CONVSCOPE_RELOAD_INTERVAL",
        default_value_t = Seconds::new(5)
    )]
    pub reload_interval: Seconds,
    /// Write logs as JSON, one object per line
    #[arg(long, env = "CONVSCOPE_LOG_JSON")]
    pub log_json: bool,
    /// Who may use the API
    #[command(flatten)]
    pub access: AccessConfig,
    /// The limits of connections and requests
    #[command(flatten)]
    pub http: HttpLimits,
    /// The limits of answers
    #[command(flatten)]
    pub limits: Limits,
    /// What KServe passes to a container
    #[command(flatten)]
    pub kserve: KserveConfig,
}

impl ServerConfig {
    /// The number of worker threads, on a computer with `cores` cores.
    #[must_use]
    pub fn threads(&self, cores: usize) -> usize {
        match self.workers {
            None | Some(0) => cores,
            Some(workers) => workers.into(),
        }
    }
}

/// Which models to load and how to run them.
#[derive(Debug, Clone, Args)]
pub struct ModelsConfig {
    /// Folder with the models: NAME/model.onnx or NAME.onnx
    #[arg(
        long = "models",
        value_name = "FOLDER",
        env = "CONVSCOPE_MODELS",
        default_value = DEFAULT_FOLDER
    )]
    pub folder: PathBuf,
    /// Model for requests that name no model
    #[arg(
        long,
        value_name = "NAME",
        env = "CONVSCOPE_DEFAULT_MODEL",
        default_value = DEFAULT_MODEL
    )]
    pub default_model: String,
    /// How to run them
    #[command(flatten)]
    pub engine: EngineConfig,
}
