use clap::Args;
use serde::Serialize;

/// The limits of answers.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Limits {
    /// Layers in one answer
    #[arg(
        long = "max-layers",
        value_name = "N",
        env = "CONVSCOPE_MAX_LAYERS",
        default_value_t = Limits::DEFAULT.layers
    )]
    #[serde(rename = "max_layers")]
    pub layers: usize,
    /// Passes through a network for one answer
    #[arg(
        long = "max-passes",
        value_name = "N",
        env = "CONVSCOPE_MAX_PASSES",
        default_value_t = Limits::DEFAULT.passes
    )]
    #[serde(rename = "max_passes")]
    pub passes: u64,
    /// Largest picture in an answer, in pixels
    #[arg(
        long = "max-output-pixels",
        value_name = "N",
        env = "CONVSCOPE_MAX_OUTPUT_PIXELS",
        default_value_t = Limits::DEFAULT.output_pixels
    )]
    #[serde(rename = "max_output_pixels")]
    pub output_pixels: u64,
    /// Largest answer, in bytes
    #[arg(
        long = "max-output-bytes",
        value_name = "BYTES",
        env = "CONVSCOPE_MAX_OUTPUT_BYTES",
        default_value_t = Limits::DEFAULT.output_bytes
    )]
    #[serde(rename = "max_output_bytes")]
    pub output_bytes: u64,
    /// The limits of input pictures
    #[command(flatten)]
    #[serde(flatten)]
    pub image: ImageLimits,
}

/// The limits of input pictures. They are checked before a picture is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args, Serialize)]
pub struct ImageLimits {
    /// Largest input picture, in pixels: width times height
    #[arg(
        long = "max-pixels",
        value_name = "N",
        env = "CONVSCOPE_MAX_PIXELS",
        default_value_t = ImageLimits::DEFAULT.pixels
    )]
    #[serde(rename = "max_pixels")]
    pub pixels: u64,
    /// Longest side of an input picture, in pixels
    #[arg(
        long = "max-side",
        value_name = "N",
        env = "CONVSCOPE_MAX_SIDE",
        default_value_t = ImageLimits::DEFAULT.side
    )]
    #[serde(rename = "max_side")]
    pub side: u32,
    /// Memory for decoding one picture, in bytes
    #[arg(
        long = "max-decode-bytes",
        value_name = "BYTES",
        env = "CONVSCOPE_MAX_DECODE_BYTES",
        default_value_t = ImageLimits::DEFAULT.decode_bytes
    )]
    #[serde(rename = "max_decode_bytes")]
    pub decode_bytes: u64,
}

impl ImageLimits {
    /// The defaults of the flags.
    pub const DEFAULT: Self = Self { pixels: 32_000_000, side: 16_384, decode_bytes: 256 << 20 };
}

impl Limits {
    /// The defaults of the flags. The largest picture of 64 million pixels has at most 320 million
    /// bytes. All layers of VGG16 as float32 have 112 million.
    pub const DEFAULT: Self = Self {
        layers: 256,
        passes: 4096,
        output_pixels: 64_000_000,
        output_bytes: 320 << 20,
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
