//! Why the program ends, on standard error.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::preprocess::Preset;
use crate::service::Answer;

/// The flag and the variable that make the log JSON.
const LOG_JSON: [&str; 2] = ["--log-json", "CONVSCOPE_LOG_JSON"];

/// Writes `error`, and returns the exit code. Where the log is JSON, it is one line of the log.
#[must_use]
pub fn report_error(error: &dyn Display, matches: &ArgMatches) -> ExitCode {
    let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let json = matches.try_get_one::<bool>("log_json").ok().flatten();
    let line = match json {
        Some(true) => json_line(&error.to_string()),
        _ => format!("convscope: {error}"),
    };
    // If standard error is closed, the exit code alone reports the failure.
    let _ = writeln!(std::io::stderr(), "{line}");
    ExitCode::FAILURE
}

/// Writes what is wrong with the command line, or what it asks for, such as `--help`.
#[must_use]
pub fn report_usage(error: &clap::Error) -> ExitCode {
    let [flag, variable] = LOG_JSON;
    let is_json = std::env::args_os().any(|argument| argument == flag)
        || std::env::var_os(variable).as_deref() == Some(OsStr::new("true"));
    if error.use_stderr() && is_json {
        let text = error.render().to_string();
        let _ = writeln!(std::io::stderr(), "{}", json_line(text.trim()));
    } else {
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// As the log writes an error.
fn json_line(message: &str) -> String {
    let mut timestamp = String::new();
    // Writing to a string does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    json!({ "timestamp": timestamp, "level": "ERROR", "message": message }).to_string()
}

/// Names the preprocessing that is assumed, on standard error.
pub(super) fn report_assumed(answer: &Answer) {
    if let Some((_, assumed)) = answer.notes.iter().find(|(name, _)| *name == "assumed") {
        // If standard error is closed, nobody reads it.
        let _ = writeln!(
            std::io::stderr(),
            "convscope: the preprocessing is not stated, so it is assumed: {assumed}; choose one \
             with --preset {}, or write a model card",
            Preset::NAMES
        );
    }
}
