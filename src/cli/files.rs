use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::error::CliError;

/// Reads a file, or standard input where `path` is `-`.
///
/// # Errors
/// [`CliError::File`].
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, CliError> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.map_err(|cause| CliError::File { path: path.to_owned(), cause })
}

/// Writes a file, or standard output where `path` is `-`.
///
/// # Errors
/// [`CliError::File`].
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let written =
        if path == Path::new("-") { io::stdout().write_all(bytes) } else { fs::write(path, bytes) };
    written.map_err(|cause| CliError::File { path: path.to_owned(), cause })
}
