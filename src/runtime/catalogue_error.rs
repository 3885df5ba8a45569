use std::io;
use std::path::{Path, PathBuf};

use crate::onnx;

/// What can be wrong with a models folder or a model's files.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A file could not be read.
    #[error("{}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        cause: io::Error,
    },
    /// A file may not be used, or its content is not valid.
    #[error("{}: {cause}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        cause: String,
    },
    /// The graph could not be decoded.
    #[error("{origin}: {cause}")]
    Onnx {
        /// The file, or the embedded model.
        origin: String,
        /// What is wrong.
        cause: onnx::OnnxError,
    },
}

impl CatalogueError {
    /// The error for the file at `path` that the operating system could not read.
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Read { path: path.to_owned(), cause }
    }

    /// The error for the file at `path` that is wrong because of `cause`.
    pub(super) fn refused(path: &Path, cause: impl Into<String>) -> Self {
        Self::Refused { path: path.to_owned(), cause: cause.into() }
    }

    /// The file that is wrong.
    #[must_use]
    pub fn location(&self) -> String {
        match self {
            Self::Read { path, .. } | Self::Refused { path, .. } => path.display().to_string(),
            Self::Onnx { origin, .. } => origin.clone(),
        }
    }

    /// What is wrong, without the file.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Read { cause, .. } => cause.to_string(),
            Self::Refused { cause, .. } => cause.clone(),
            Self::Onnx { cause, .. } => cause.to_string(),
        }
    }
}
