use std::path::PathBuf;

use clap::Args;

/// Who may use the API.
#[derive(Debug, Clone, Args)]
pub struct AccessConfig {
    /// Comma-separated API keys, each KEY or NAME:KEY; a request without one of them gets 401. The
    /// log shows the name. Prefer the variable: other processes can read flags [default: none; no
    /// key is needed]
    #[arg(
        long,
        value_name = "KEYS",
        env = "CONVSCOPE_API_KEYS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub api_keys: Vec<String>,
    /// File with more API keys, one per line: KEY, NAME:KEY or NAME = KEY; lines that start with #
    /// are comments. SIGHUP reads the file again [default: none]
    #[arg(long, value_name = "FILE", env = "CONVSCOPE_API_KEYS_FILE")]
    pub api_keys_file: Option<PathBuf>,
    /// Comma-separated origins whose pages may call the API, or * for every origin [default: none]
    #[arg(long, value_name = "ORIGINS", env = "CONVSCOPE_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
}
