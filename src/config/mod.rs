//! Every flag, variable, default and limit, declared once.

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
pub use engine::{DenseWeights, EngineConfig, Switch};
pub use http::HttpLimits;
pub use limits::{ImageLimits, Limits};
pub use model::{Activation, Layout};
pub use parameters::{Parameter, ParameterError, Parameters};
pub use seconds::{Seconds, SecondsError};
pub use suggestions::{excerpt, nearest};

/// The name of the model that answers requests that name none.
pub const DEFAULT_MODEL: &str = "cats_and_dogs_small_1";

/// How the server runs. Every flag has a variable of the same name, `CONVSCOPE_…`.
#[derive(Debug, Clone, Args)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, env = "CONVSCOPE_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// What is loaded
    #[command(flatten)]
    pub library: ModelsConfig,
    /// Worker threads for decoding, running networks and drawing [default: one a core]
    #[arg(long, env = "CONVSCOPE_WORKERS", value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: Option<u16>,
    /// Requests that may wait for a worker [default: twice the workers]
    #[arg(long, env = "CONVSCOPE_QUEUE")]
    pub queue: Option<u16>,
    /// Bytes of memory for the pictures seen last, so that a further class costs no forward pass,
    /// and further layers one together
    #[arg(long, env = "CONVSCOPE_CACHE_BYTES", default_value_t = 256 << 20)]
    pub cache_bytes: usize,
    /// Seconds between two looks at the models folder for what has changed; 0 never looks
    #[arg(long, env = "CONVSCOPE_RELOAD_INTERVAL", default_value_t = Seconds::new(5))]
    pub reload_interval: Seconds,
    /// Write logs as JSON, one object a line
    #[arg(long, env = "CONVSCOPE_LOG_JSON")]
    pub log_json: bool,
    /// Who may ask
    #[command(flatten)]
    pub access: AccessConfig,
    /// What a connection and its requests may take
    #[command(flatten)]
    pub http: HttpLimits,
    /// What an answer may cost
    #[command(flatten)]
    pub limits: Limits,
}

/// Which models are loaded.
#[derive(Debug, Clone, Args)]
pub struct ModelsConfig {
    /// Folder of models: NAME/model.onnx or NAME.onnx
    #[arg(long, env = "CONVSCOPE_MODELS", default_value = "models")]
    pub models: PathBuf,
    /// The model that answers requests that name none
    #[arg(long, env = "CONVSCOPE_DEFAULT_MODEL", default_value = DEFAULT_MODEL)]
    pub default_model: String,
    /// How they are run
    #[command(flatten)]
    pub engine: EngineConfig,
}
