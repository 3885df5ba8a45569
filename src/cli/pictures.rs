//! The pictures that the arguments `IMAGE` name: files, and folders of files.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Arg, value_parser};

use super::error::CliError;
use crate::preprocess::Format;
use crate::service::PictureFile;

/// The arguments `IMAGE`.
pub(super) fn image_argument() -> Arg {
    Arg::new("IMAGE").required(true).num_args(1..).value_parser(value_parser!(PathBuf)).help(
        "Pictures, and folders of pictures; - is standard input. Of a folder, the files with a \
         picture's extension are read, without hidden files and folders in it",
    )
}

/// Files of pictures.
#[derive(Debug)]
pub(super) struct Pictures {
    /// The files, each once, in the order given. Those of a folder are sorted by name.
    pub(super) paths: Vec<PathBuf>,
    /// Whether the arguments name several pictures, or a folder, whatever it holds.
    pub(super) several: bool,
}

impl Pictures {
    /// The files that `arguments` name. A file need not exist.
    ///
    /// # Errors
    /// [`CliError::File`] and [`CliError::NoPictures`] for a folder.
    pub(super) fn find<'a>(arguments: impl Iterator<Item = &'a PathBuf>) -> Result<Self, CliError> {
        let (mut seen, mut paths, mut several) = (HashSet::new(), Vec::new(), false);
        for argument in arguments {
            let found = match argument.is_dir() {
                true => in_folder(argument)?,
                false => vec![argument.clone()],
            };
            several |= argument.is_dir();
            paths.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
        }
        several |= paths.len() > 1;
        Ok(Self { paths, several })
    }
}

/// The pictures in a folder, sorted by name.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |cause| CliError::File { path: folder.to_owned(), cause };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if has_picture_name(&path) && path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(CliError::NoPictures { folder: folder.to_owned() });
    }
    paths.sort();
    Ok(paths)
}

/// Whether a file is not hidden and has the extension of a format that is decoded.
fn has_picture_name(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_known = |known: &str| known.eq_ignore_ascii_case(extension);
    !is_hidden && Format::EXTENSIONS.into_iter().any(is_known)
}

/// Reads a picture's file of at most `limit` bytes, or standard input where `path` is `-`.
///
/// # Errors
/// [`CliError::File`].
pub(super) fn read_picture(path: &Path, limit: u64) -> Result<PictureFile, CliError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = limit.saturating_add(1);
        if path == Path::new("-") {
            io::stdin().take(most).read_to_end(&mut bytes)?;
        } else {
            File::open(path)?.take(most).read_to_end(&mut bytes)?;
        }
        if bytes.len() as u64 > limit {
            return Err(io::Error::other(format!(
                "the file has more than {limit} bytes; send a smaller one, or raise \
                 --max-decode-bytes"
            )));
        }
        Ok(bytes)
    };
    let bytes = read().map_err(|cause| CliError::File { path: path.to_owned(), cause })?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pictures_are_told_by_the_extension() {
        for name in ["a/b.png", "B.JPEG", "c.d.tif"] {
            assert!(has_picture_name(Path::new(name)), "{name}");
        }
        for name in [".a.png", "._b.jpg", ".png", "png", "notes.txt", "a.onnx", "a.png/"] {
            let is_folder = name.ends_with('/');
            assert_eq!(has_picture_name(Path::new(name)), is_folder, "{name}");
        }
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        let path = Path::new("Cargo.toml");
        let length = fs::metadata(path).unwrap().len();
        assert_eq!(read_picture(path, length).unwrap().0.len() as u64, length);
        let error = read_picture(path, length - 1).unwrap_err().to_string();
        assert!(error.starts_with("Cargo.toml: the file has more than"), "{error}");
    }
}
