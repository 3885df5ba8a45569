use std::path::PathBuf;

use clap::Args;

/// Who may ask.
#[derive(Debug, Clone, Args)]
pub struct AccessConfig {
    /// Keys, with commas: who has none of them may not ask; in the variable rather than here, where
    /// every process sees them [default: everybody may]
    #[arg(long, env = "CONVSCOPE_API_KEYS", hide_env_values = true, value_delimiter = ',')]
    pub api_keys: Vec<String>,
    /// File of further keys, one a line; lines that begin with # are comments [default: none]
    #[arg(long, env = "CONVSCOPE_API_KEYS_FILE")]
    pub api_keys_file: Option<PathBuf>,
    /// Origins whose pages may ask, with commas, or * for every one [default: none]
    #[arg(long, env = "CONVSCOPE_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
}
