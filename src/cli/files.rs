use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::error::CliError;

/// Writes a file, or standard output where `path` is `-`.
///
/// # Errors
/// [`CliError::File`].
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let written =
        if path == Path::new("-") { io::stdout().write_all(bytes) } else { fs::write(path, bytes) };
    written.map_err(|cause| CliError::File { path: path.to_owned(), cause })
}
