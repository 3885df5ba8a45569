use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, ValueEnum};

use super::ModelLimits;

/// How networks are run.
#[derive(Debug, Clone, Args)]
pub struct EngineConfig {
    /// Run convolutions, pools and dense layers with convscope's own kernels (on) or with tract's
    /// (off)
    #[arg(
        long,
        value_name = "on|off",
        env = "CONVSCOPE_FAST_CONV",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = PossibleValuesParser::new(["on", "off"]).map(|value| value == "on")
    )]
    pub fast_conv: bool,
    /// Precision of the weights of dense layers in memory; f16 needs --fast-conv on
    #[arg(long, value_name = "f32|f16", env = "CONVSCOPE_DENSE_WEIGHTS", default_value = "f32")]
    pub dense_weights: DenseWeights,
    /// What a model may cost
    #[command(flatten)]
    pub limits: ModelLimits,
}

impl Default for EngineConfig {
    fn default() -> Self {
        let limits = ModelLimits::DEFAULT;
        Self { fast_conv: true, dense_weights: DenseWeights::F32, limits }
    }
}

/// The precision of the weights of dense layers in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DenseWeights {
    /// Single precision
    F32,
    /// Half precision: half the memory, and less time to read it
    F16,
}
