//! Parses the command line and runs the command.

use std::process::ExitCode;

use convscope::cli;

/// mimalloc returns the memory of reloaded models and large answers to the system. After a few
/// reloads, the allocator of the GNU C library keeps several times a model's size, because its
/// threshold for returning memory grows with use. The allocator of musl, which the static binary
/// would use, is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = match cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return cli::report_usage(&error),
    };
    match cli::run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::report_error(&error, &matches),
    }
}
