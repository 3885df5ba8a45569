//! Parses the command line and runs the command.

use std::io::Write;
use std::process::ExitCode;

/// mimalloc returns the memory of reloaded models and large answers to the system. After a few
/// reloads, the allocator of the GNU C library keeps several times a model's size, because its
/// threshold for returning memory grows with use. The allocator of musl, which the static binary
/// would use, is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = convscope::cli::command().get_matches();
    match convscope::cli::run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, the exit code alone reports the failure.
            let _ = writeln!(std::io::stderr(), "convscope: {error}");
            ExitCode::FAILURE
        }
    }
}
