//! The files of a model: where they may lie, and how they are opened.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::CatalogueError;
use super::regular_file::{open_regular, read_regular};

/// The largest file of a graph: a protobuf message has at most 2 GiB.
const MAX_BYTES: u64 = 1 << 31;

/// The largest card or label file.
const MAX_TEXT_BYTES: u64 = 16 << 20;

/// The file `name` of `folder`. Symbolic links are followed, within the folder only: a file
/// elsewhere could be anything that the server's user may read.
///
/// # Errors
/// [`CatalogueError::Read`] if there is no such file, [`CatalogueError::Refused`] if it lies
/// outside of the folder.
pub(super) fn file_in(folder: &Path, name: &str) -> Result<PathBuf, CatalogueError> {
    let path = folder.join(name);
    let resolved = path.canonicalize().map_err(CatalogueError::read(&path))?;
    let root = folder.canonicalize().map_err(CatalogueError::read(folder))?;
    if resolved.starts_with(root) {
        return Ok(path);
    }
    let cause = "it lies outside of the model's folder; copy the file into the folder";
    Err(CatalogueError::refused(&path, cause))
}

/// Opens a regular file.
///
/// # Errors
/// [`CatalogueError::Read`], for another kind of file too.
pub(super) fn open(path: &Path) -> Result<(File, u64), CatalogueError> {
    open_regular(path).map_err(CatalogueError::read(path))
}

/// The bytes of a regular file of at most 2 GiB.
///
/// # Errors
/// As [`open`], and for a larger file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CatalogueError> {
    read_regular(path, MAX_BYTES).map_err(CatalogueError::read(path))
}

/// The text of the file `name` of `folder`.
///
/// # Errors
/// As [`file_in`] and [`open`], [`CatalogueError::Read`] for a file of more than 16 MiB, and
/// [`CatalogueError::Refused`] if the file is not UTF-8.
pub(super) fn text_in(folder: &Path, name: &str) -> Result<String, CatalogueError> {
    let path = file_in(folder, name)?;
    let bytes = read_regular(&path, MAX_TEXT_BYTES).map_err(CatalogueError::read(&path))?;
    let text = String::from_utf8(bytes);
    text.map_err(|_| CatalogueError::refused(&path, "it is not UTF-8 text"))
}
