use clap::Args;
use serde::Serialize;

/// What one model may cost. A model that costs more is refused when it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args, Serialize)]
pub struct ModelLimits {
    /// Memory for the values of one forward pass with every listed layer, in bytes
    #[arg(
        long = "max-model-bytes",
        value_name = "BYTES",
        env = "CONVSCOPE_MAX_MODEL_BYTES",
        default_value_t = ModelLimits::DEFAULT.bytes
    )]
    #[serde(rename = "max_model_bytes")]
    pub bytes: usize,
    /// Nodes of one model's graph that depend on the picture
    #[arg(
        long = "max-model-nodes",
        value_name = "N",
        env = "CONVSCOPE_MAX_MODEL_NODES",
        default_value_t = ModelLimits::DEFAULT.nodes
    )]
    #[serde(rename = "max_model_nodes")]
    pub nodes: usize,
}

impl ModelLimits {
    /// The defaults of the flags.
    pub const DEFAULT: Self = Self { bytes: 4 << 30, nodes: 3000 };
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
