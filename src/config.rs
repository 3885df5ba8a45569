//! Every flag, variable, default and limit, declared once.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

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
    pub library: LibraryConfig,
    /// Worker threads for decoding, running networks and drawing [default: one a core]
    #[arg(long, env = "CONVSCOPE_WORKERS", value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: Option<u16>,
    /// Requests that may wait for a worker [default: twice the workers]
    #[arg(long, env = "CONVSCOPE_QUEUE")]
    pub queue: Option<u16>,
    /// Bytes of memory for the pictures seen last, so that a further class or layer costs no forward pass
    #[arg(long, env = "CONVSCOPE_CACHE_BYTES", default_value_t = 256 << 20)]
    pub cache_bytes: usize,
    /// Write logs as JSON, one object a line
    #[arg(long, env = "CONVSCOPE_LOG_JSON")]
    pub log_json: bool,
    /// What a request may cost
    #[command(flatten)]
    pub limits: Limits,
}

/// Which models are loaded.
#[derive(Debug, Clone, Args)]
pub struct LibraryConfig {
    /// Folder of models: NAME/model.onnx or NAME.onnx
    #[arg(long, env = "CONVSCOPE_MODELS", default_value = "models")]
    pub models: PathBuf,
    /// The model that answers requests that name none
    #[arg(long, env = "CONVSCOPE_DEFAULT_MODEL", default_value = DEFAULT_MODEL)]
    pub default_model: String,
}

/// What a request may cost.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Bytes of a request's body
    #[arg(long = "max-body-bytes", env = "CONVSCOPE_MAX_BODY_BYTES", default_value_t = Limits::DEFAULT.body_bytes)]
    pub body_bytes: usize,
    /// Layers in one answer
    #[arg(long = "max-layers", env = "CONVSCOPE_MAX_LAYERS", default_value_t = Limits::DEFAULT.layers)]
    pub layers: usize,
    /// Pixels of an answer's picture
    #[arg(
        long = "max-output-pixels",
        env = "CONVSCOPE_MAX_OUTPUT_PIXELS",
        default_value_t = Limits::DEFAULT.output_pixels
    )]
    pub output_pixels: u64,
    /// Seconds that a request may take
    #[arg(long = "request-timeout", env = "CONVSCOPE_REQUEST_TIMEOUT", default_value_t = Limits::DEFAULT.request_seconds)]
    pub request_seconds: u64,
    /// What a picture may cost
    #[command(flatten)]
    pub image: ImageLimits,
}

/// What a picture may cost before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct ImageLimits {
    /// Pixels of a picture: width times height
    #[arg(long = "max-pixels", env = "CONVSCOPE_MAX_PIXELS", default_value_t = ImageLimits::DEFAULT.pixels)]
    pub pixels: u64,
    /// Pixels of a picture's longer side
    #[arg(long = "max-side", env = "CONVSCOPE_MAX_SIDE", default_value_t = ImageLimits::DEFAULT.side)]
    pub side: u32,
    /// Bytes of memory for decoding a picture
    #[arg(long = "max-decode-bytes", env = "CONVSCOPE_MAX_DECODE_BYTES", default_value_t = ImageLimits::DEFAULT.decode_bytes)]
    pub decode_bytes: u64,
}

impl ImageLimits {
    /// What the flags default to.
    pub const DEFAULT: Self = Self { pixels: 32_000_000, side: 16_384, decode_bytes: 256 << 20 };
}

impl Limits {
    /// What the flags default to.
    pub const DEFAULT: Self = Self {
        body_bytes: 10 << 20,
        layers: 256,
        output_pixels: 64_000_000,
        request_seconds: 60,
        image: ImageLimits::DEFAULT,
    };
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
