//! Reads the command line and runs what it names.

use std::io::Write;
use std::process::ExitCode;

/// Gives back what renewed models and large answers have held. (The C library keeps several times
/// a model's size after a few reloads, since its threshold for giving back grows with use; and that
/// of musl, which the static binary would take, is slow.)
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
