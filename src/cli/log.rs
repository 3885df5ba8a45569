//! The log on standard error.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::env::VarError;
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::error::CliError;
use super::log_line::BoundedLines;
use super::traces;

/// The variable with the filter.
const FILTER: &str = "CONVSCOPE_LOG";
/// The filter where the variable is not set.
const DEFAULT_FILTER: &str = "info,tract=error,tract_onnx=error";

/// Starts the log on standard error, filtered by `CONVSCOPE_LOG`, and the export of traces. Panics
/// go to the log too. Dropping the returned guard sends the traces that are still in memory.
///
/// # Errors
/// [`CliError::Server`] where the filter is not valid, or the configured export of traces cannot
/// start.
pub(super) fn start_log(json: bool) -> Result<impl Drop, CliError> {
    let filter = filter()?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || BoundedLines { json })
        .with_ansi(io::stderr().is_terminal());
    let lines = if json {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    } else {
        lines.boxed()
    };
    let (traces, guard) = traces::layer()?;
    // The filter applies to the log alone, so that a quiet log does not stop the traces.
    tracing_subscriber::registry().with(traces).with(lines.with_filter(filter)).init();
    panic::set_hook(Box::new(log_panic));
    Ok(guard)
}

fn filter() -> Result<EnvFilter, CliError> {
    let text = match std::env::var(FILTER) {
        Ok(text) if !text.trim().is_empty() => text,
        Ok(_) | Err(VarError::NotPresent) => DEFAULT_FILTER.to_owned(),
        Err(error @ VarError::NotUnicode(_)) => {
            return Err(CliError::Server(format!("{FILTER}: {error}")));
        }
    };
    parse_filter(&text).map_err(|cause| {
        CliError::Server(format!(
            "{FILTER} = {text:?} is no filter of the log: {cause}; write a level (off, error, \
             warn, info, debug, trace) or TARGET=LEVEL, several with commas"
        ))
    })
}

/// tracing takes a single word that is no level for a target, and would then log nothing else. It
/// is more likely a misspelt level. It takes nothing between two commas for the level `error`.
fn parse_filter(text: &str) -> Result<EnvFilter, String> {
    let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let misspelt = text.split(',').map(str::trim).find(|part| is_word(part) && !is_level(part));
    match misspelt {
        Some(word) => Err(format!("{word:?} is no level")),
        None => EnvFilter::try_new(text).map_err(|error| error.to_string()),
    }
}

/// Writes a panic as one line of the log.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = Backtrace::capture();
    let has_backtrace = backtrace.status() == BacktraceStatus::Captured;
    tracing::error!(
        panic = panic.payload_as_str().unwrap_or("no message"),
        location = panic.location().map(ToString::to_string),
        thread = thread.name(),
        backtrace = has_backtrace.then(|| backtrace.to_string()),
        "panic"
    );
}

#[cfg(test)]
pub(super) mod captured {
    //! A log in memory, for tests.

    use std::sync::{Arc, Mutex};

    use super::*;

    /// The lines of a log in JSON.
    #[derive(Clone, Default)]
    pub(in crate::cli) struct CapturedLog(Arc<Mutex<Vec<u8>>>);

    impl CapturedLog {
        /// An empty log, and the subscriber that writes it.
        pub(in crate::cli) fn new() -> (Self, impl tracing::Subscriber + Send + Sync) {
            let log = Self::default();
            let writer = log.clone();
            let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
            (log, tracing_subscriber::registry().with(lines.json().flatten_event(true)))
        }

        /// Its lines so far.
        pub(in crate::cli) fn lines(&self) -> Vec<serde_json::Value> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    impl io::Write for CapturedLog {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::captured::CapturedLog;
    use super::*;

    #[test]
    fn a_panic_is_one_line_of_the_log() {
        let ((log, subscriber), old) = (CapturedLog::new(), panic::take_hook());
        panic::set_hook(Box::new(log_panic));
        tracing::subscriber::with_default(subscriber, || {
            panic::catch_unwind(|| panic!("two\nlines")).unwrap_err();
        });
        panic::set_hook(old);
        let [line] = log.lines().try_into().unwrap();
        assert_eq!(line["message"], "panic");
        assert_eq!(line["panic"], "two\nlines");
        assert!(line["location"].as_str().unwrap().contains("log.rs"), "{line}");
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        for good in ["info", "WARN", "off", "convscope=debug", "info,hyper=warn", DEFAULT_FILTER] {
            assert!(parse_filter(good).is_ok(), "{good}");
        }
        for bad in ["inof", "info,warm", "convscope=loud", "a=b=c", "info,"] {
            assert!(parse_filter(bad).is_err(), "{bad}");
        }
    }
}
