use clap::{Args, ValueEnum};

/// How networks are run.
#[derive(Debug, Clone, Args)]
pub struct EngineConfig {
    /// Convolutions by convscope's own kernels (Winograd, several threads) or by tract's
    #[arg(long, env = "CONVSCOPE_FAST_CONV", default_value = "on")]
    pub fast_conv: Switch,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is so.
    On,
    /// It is not.
    Off,
}
