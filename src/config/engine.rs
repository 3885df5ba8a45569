use clap::{Args, ValueEnum};

/// How networks are run.
#[derive(Debug, Clone, Args)]
pub struct EngineConfig {
    /// Convolutions by convscope's own kernels (Winograd, several threads) or by tract's
    #[arg(long, env = "CONVSCOPE_FAST_CONV", default_value = "on")]
    pub fast_conv: Switch,
    /// Weights of dense layers in single or half precision; with --fast-conv on
    #[arg(long, env = "CONVSCOPE_DENSE_WEIGHTS", default_value = "f32")]
    pub dense_weights: DenseWeights,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { fast_conv: Switch::On, dense_weights: DenseWeights::F32 }
    }
}

/// How the weights of dense layers are held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DenseWeights {
    /// In single precision.
    F32,
    /// In half precision: half the memory, and less time to read it.
    F16,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is so.
    On,
    /// It is not.
    Off,
}
