//! The log on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::error::CliError;
use super::traces;

/// Starts the log on standard error, filtered by `CONVSCOPE_LOG`, and the export of traces.
/// Dropping the returned guard sends the traces that are still in memory.
///
/// # Errors
/// [`CliError::Server`] where the configured export of traces cannot start.
pub(super) fn start_log(json: bool) -> Result<impl Drop, CliError> {
    let filter = EnvFilter::try_from_env("CONVSCOPE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,tract=error,tract_onnx=error"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let lines = if json {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    } else {
        lines.boxed()
    };
    let (traces, guard) = traces::layer()?;
    // The filter applies to the log alone, so that a quiet log does not stop the traces.
    tracing_subscriber::registry().with(traces).with(lines.with_filter(filter)).init();
    Ok(guard)
}
