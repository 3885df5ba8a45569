//! Every flag, environment variable, default and limit, each declared once.

mod access;
mod engine;
mod http;
mod limits;
mod model;
mod parameters;
mod seconds;
mod suggestions;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub use access::AccessConfig;
pub use engine::{DenseWeights, EngineConfig};
pub use http::HttpLimits;
pub use limits::{ImageLimits, Limits};
pub use model::{Activation, Layout};
pub use parameters::{MAX_VALUE_BYTES, MAX_VALUES, Parameter, ParameterError, Parameters};
pub use seconds::{Seconds, SecondsError};
pub use suggestions::{excerpt, nearest};

/// The name of the model for requests that name no model.
pub const DEFAULT_MODEL: &str = "cats_and_dogs_small_1";

/// How the server runs. Every flag has an environment variable of the same name, `CONVSCOPE_…`.
#[derive(Debug, Clone, Args)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes any free port
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "CONVSCOPE_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// The models to load
    #[command(flatten)]
    pub models: ModelsConfig,
    /// Worker threads for decoding, running networks and drawing [default: one a core]
    #[arg(
        long,
        value_name = "N",
        env = "CONVSCOPE_WORKERS",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub workers: Option<u16>,
    /// Requests that may wait for a worker [default: twice the workers]
    #[arg(long, value_name = "N", env = "CONVSCOPE_QUEUE")]
    pub queue: Option<u16>,
    /// Memory for the cache of recent pictures and their forward passes, in bytes: another class of
    /// a cached picture needs no forward pass, and other layers need one together
    #[arg(long, value_name = "BYTES", env = "CONVSCOPE_CACHE_BYTES", default_value_t = 256 << 20)]
    pub cache_bytes: usize,
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
}

/// Which models to load and how to run them.
#[derive(Debug, Clone, Args)]
pub struct ModelsConfig {
    /// Folder with the models: NAME/model.onnx or NAME.onnx
    #[arg(
        long = "models",
        value_name = "FOLDER",
        env = "CONVSCOPE_MODELS",
        default_value = "models"
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
