//! Reads the command line and runs what it names.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let matches = convscope::cli::command().get_matches();
    match convscope::cli::run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(std::io::stderr(), "convscope: {error}");
            ExitCode::FAILURE
        }
    }
}
