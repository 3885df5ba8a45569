//! The files of a model: where they may lie, and how they are opened.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::CatalogueError;

/// The largest file of a graph: a protobuf message has at most 2 GiB.
const MAX_BYTES: u64 = 1 << 31;

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

/// Opens a regular file. Opening a device, a FIFO or a socket could wait for ever.
///
/// # Errors
/// [`CatalogueError::Read`], and [`CatalogueError::Refused`] for another kind of file.
pub(super) fn open(path: &Path) -> Result<(File, u64), CatalogueError> {
    let metadata = fs::metadata(path).map_err(CatalogueError::read(path))?;
    if !metadata.is_file() {
        return Err(CatalogueError::refused(path, "it is not a regular file"));
    }
    let file = File::open(path).map_err(CatalogueError::read(path))?;
    Ok((file, metadata.len()))
}

/// The bytes of a regular file of at most 2 GiB.
///
/// # Errors
/// As [`open`], and [`CatalogueError::Refused`] for a larger file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CatalogueError> {
    let (file, length) = open(path)?;
    if length > MAX_BYTES {
        let cause = format!("it has {length} bytes; an ONNX file has at most {MAX_BYTES}");
        return Err(CatalogueError::refused(path, cause));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // A file that grows meanwhile is read to its former length.
    file.take(length).read_to_end(&mut bytes).map_err(CatalogueError::read(path))?;
    Ok(bytes)
}

/// The text of the file `name` of `folder`.
///
/// # Errors
/// As [`file_in`] and [`read`], and [`CatalogueError::Refused`] if the file is not UTF-8.
pub(super) fn text_in(folder: &Path, name: &str) -> Result<String, CatalogueError> {
    let path = file_in(folder, name)?;
    let text = String::from_utf8(read(&path)?);
    text.map_err(|_| CatalogueError::refused(&path, "it is not UTF-8 text"))
}
