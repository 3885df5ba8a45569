//! Where the program says what it does.

use std::io::{self, IsTerminal};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::CliError;

/// Logs to standard error, by `CONVSCOPE_LOG`; the returned guard sends what is left of traces when
/// it is dropped.
///
/// # Errors
/// [`CliError::Server`] where traces are to be sent and cannot be.
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
    let (traces, guard) = super::traces::layer()?;
    // The filter is the lines' own: a quiet log must not end the traces.
    tracing_subscriber::registry().with(traces).with(lines.with_filter(filter)).init();
    Ok(guard)
}
