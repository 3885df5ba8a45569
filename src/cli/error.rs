use std::io;
use std::path::PathBuf;

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
