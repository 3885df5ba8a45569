use std::io;
use std::path::PathBuf;

use crate::preprocess::Format;
use crate::service::{LoadError, ServiceError};

/// Why a command failed. The user sees this text alone.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A model could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// An error of the use case.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A file could not be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The extension of the output file names no format of the answer.
    #[error(
        "{}: the extension chooses the format of the answer; use one of {}",
        path.display(), extensions.join(", ")
    )]
    Extension {
        /// The output file.
        path: PathBuf,
        /// The extensions of the formats that the answer has.
        extensions: Vec<&'static str>,
    },
    /// Several pictures have no folder for their answers.
    #[error("several pictures need a folder; name one with -o FOLDER/, or ask for --json-lines")]
    NoFolder,
    /// The pictures are in the output folder.
    #[error("{}: the pictures are in this folder; name another one with -o", folder.display())]
    PicturesInFolder {
        /// The output folder.
        folder: PathBuf,
    },
    /// A file in the output folder is a link.
    #[error(
        "{}: this is a symbolic link; remove it, or name another folder with -o",
        path.display()
    )]
    SymbolicLink {
        /// The link.
        path: PathBuf,
    },
    /// A folder has no pictures.
    #[error(
        "{}: the folder has no pictures; it needs files that end in {}",
        folder.display(), Format::EXTENSIONS.join(", ")
    )]
    NoPictures {
        /// The folder.
        folder: PathBuf,
    },
    /// Lines of JSON cannot hold answers of this format.
    #[error("--format {format}: lines hold JSON; name a folder with -o FOLDER/ for this format")]
    LinesFormat {
        /// The format's extension.
        format: &'static str,
    },
    /// Some of several pictures could not be answered. What was wrong is said already.
    #[error("{} of {pictures} pictures failed: {}", failed.len(), names(failed))]
    Failed {
        /// The pictures that failed.
        failed: Vec<PathBuf>,
        /// How many pictures there were.
        pictures: usize,
    },
    /// The file of API keys has no key.
    #[error(
        "{}: the file has no API key; write one per line, or leave out --api-keys-file",
        path.display()
    )]
    NoKeys {
        /// The file.
        path: PathBuf,
    },
    /// The server could not start, or failed.
    #[error("{0}")]
    Server(String),
}

fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}
