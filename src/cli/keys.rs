//! The API keys, from the configuration and from a file that SIGHUP reads again.

use std::io;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::error::CliError;
use super::reload::Hangups;
use crate::config::AccessConfig;
use crate::http::{Access, AppState};
use crate::runtime::read_regular;

/// The largest file of keys.
const MAX_BYTES: u64 = 1 << 20;

/// Who may use the API.
///
/// # Errors
/// [`CliError`] where the file cannot be read, or a key or an origin is not valid.
pub(super) fn access(config: &AccessConfig) -> Result<Access, CliError> {
    Access::new(&keys(config)?, &config.cors_origins)
        .map_err(|error| CliError::Server(error.to_string()))
}

/// Every configured key.
fn keys(config: &AccessConfig) -> Result<Vec<String>, CliError> {
    let mut keys = config.api_keys.clone();
    if let Some(path) = &config.api_keys_file {
        let text = read_regular(path, MAX_BYTES).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
        });
        let text = text.map_err(|cause| CliError::File { path: path.clone(), cause })?;
        let lines = text.lines().map(str::trim);
        let in_file = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        keys.extend(in_file.map(str::to_owned));
        if keys.is_empty() {
            return Err(CliError::NoKeys { path: path.clone() });
        }
    }
    Ok(keys)
}

/// Reads the file of keys again on each SIGHUP. Where it is not valid, the keys stay as they are.
/// It never returns.
pub(super) async fn reread_keys(state: Arc<AppState>, config: AccessConfig, mut hangups: Hangups) {
    loop {
        hangups.next().await;
        if config.api_keys_file.is_some() {
            let (state, config) = (Arc::clone(&state), config.clone());
            let reading = spawn_blocking(move || match reread(&state, &config) {
                Ok(keys) => tracing::info!(keys, "API keys read again"),
                Err(error) => tracing::error!(%error, "API keys not read; the old ones stay valid"),
            });
            // A panic is in the log.
            let _ = reading.await;
        }
    }
}

/// Returns the number of keys.
fn reread(state: &AppState, config: &AccessConfig) -> Result<usize, CliError> {
    let keys = keys(config)?;
    let replaced = state.access.replace_keys(&keys);
    replaced.map_err(|error| CliError::Server(error.to_string()))?;
    Ok(keys.len())
}
