use std::path::{Path, PathBuf};

use super::external_data::with_external_data;
use super::foreign_file::foreign_file;
use super::labels::{ClassName, read_labels};
use super::model_files::{file_in, read, text_in};
use super::{Card, CatalogueError, Fingerprint, embedded};
use crate::onnx;

/// One model on disk or in the binary. Its card and labels are read, its graph is not.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name of the model's folder, or of its file without `.onnx`.
    pub name: String,
    /// The card. It is empty if there is no `model.toml`.
    pub card: Card,
    /// The class names. They are empty if there is no label file.
    pub labels: Vec<ClassName>,
    /// Changes whenever one of its files does.
    pub fingerprint: Fingerprint,
    origin: Origin,
}

/// Where a model's graph comes from.
#[derive(Debug, Clone)]
enum Origin {
    /// A file without a folder of its own.
    File(PathBuf),
    /// A model folder.
    Folder(PathBuf),
    /// Bytes in the binary.
    Embedded(&'static [u8]),
}

/// The files of a model folder.
const GRAPH: &str = "model.onnx";
const CARD: &str = "model.toml";
const GRADIENT: &str = "gradient.onnx";

impl Source {
    /// A model at a path of the caller's choice: a model folder, or an `.onnx` file, which may
    /// lie in a model folder itself.
    ///
    /// # Errors
    /// [`CatalogueError`] for an unreadable card or label file.
    pub fn open(path: &Path) -> Result<Self, CatalogueError> {
        if path.is_dir() {
            return Self::folder(path);
        }
        match path.parent() {
            Some(folder) if path.ends_with(GRAPH) => Self::folder(folder),
            _ => {
                let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("model");
                Ok(Self::file(stem, path))
            }
        }
    }

    /// Whether `folder` is a model folder. It is one too if its model is a link to nothing: then
    /// the model is refused, and an older version stays in use.
    pub(super) fn is_folder(folder: &Path) -> bool {
        folder.join(GRAPH).symlink_metadata().is_ok()
    }

    pub(super) fn file(name: &str, path: &Path) -> Self {
        Self {
            name: name.to_owned(),
            card: Card::default(),
            labels: Vec::new(),
            fingerprint: Fingerprint::of_file(path),
            origin: Origin::File(path.to_owned()),
        }
    }

    pub(super) fn folder(folder: &Path) -> Result<Self, CatalogueError> {
        let named = path_with_name(folder);
        let name = named.file_name().and_then(|name| name.to_str()).unwrap_or("model").to_owned();
        // It is taken before the files are read, so that a change in the meantime is noticed.
        let fingerprint = Fingerprint::of_folder(folder);
        let card = match folder.join(CARD).exists() {
            true => read_card(&folder.join(CARD), &text_in(folder, CARD)?)?,
            false => Card::default(),
        };
        let labels = match &card.output.labels {
            None => Vec::new(),
            Some(file_name) => {
                let text = text_in(folder, file_name)?;
                let path = folder.join(file_name);
                read_labels(file_name, &text)
                    .map_err(|cause| CatalogueError::refused(&path, cause))?
            }
        };
        Ok(Self { name, card, labels, fingerprint, origin: Origin::Folder(folder.to_owned()) })
    }

    pub(super) fn embedded() -> Result<Self, CatalogueError> {
        let path = Path::new(embedded::NAME);
        let card = read_card(path, embedded::CARD)?;
        let labels = read_labels("labels.json", embedded::LABELS);
        let labels = labels.map_err(|cause| CatalogueError::refused(path, cause))?;
        let (name, fingerprint) = (embedded::NAME.to_owned(), Fingerprint::default());
        Ok(Self { name, card, labels, fingerprint, origin: Origin::Embedded(embedded::MODEL) })
    }

    /// Reads and decodes the graph with its weights, those in other files included. The result is
    /// not cached, because the engine holds the weights.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn read(&self) -> Result<onnx::Model, CatalogueError> {
        match &self.origin {
            Origin::Embedded(bytes) => decode(&self.name, bytes),
            Origin::File(path) => read_graph(path, path.parent().unwrap_or(Path::new("."))),
            Origin::Folder(folder) => read_graph(&file_in(folder, GRAPH)?, folder),
        }
    }

    /// Reads the gradient graph `gradient.onnx` beside the model, if there is one.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn read_gradient(&self) -> Result<Option<onnx::Model>, CatalogueError> {
        match &self.origin {
            Origin::Folder(folder) if folder.join(GRADIENT).exists() => {
                read_graph(&file_in(folder, GRADIENT)?, folder).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The model's file, by which messages to the operator name the model.
    #[must_use]
    pub fn location(&self) -> String {
        match &self.origin {
            Origin::Embedded(_) => format!("{} (embedded)", self.name),
            Origin::File(path) => path.display().to_string(),
            Origin::Folder(folder) => folder.join(GRAPH).display().to_string(),
        }
    }
}

/// `folder` as a path that ends in a name. `.` and `..` are resolved. Other paths stay as they are,
/// so that a symbolic link keeps its own name.
fn path_with_name(folder: &Path) -> PathBuf {
    match folder.file_name() {
        Some(_) => folder.to_owned(),
        None => folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
    }
}

fn read_card(path: &Path, text: &str) -> Result<Card, CatalogueError> {
    toml::from_str(text)
        .map_err(|error| CatalogueError::refused(path, error.to_string().trim_end()))
}

fn read_graph(path: &Path, folder: &Path) -> Result<onnx::Model, CatalogueError> {
    let model = decode(&path.display().to_string(), &read(path)?)?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    with_external_data(model, folder)
}

fn decode(origin: &str, bytes: &[u8]) -> Result<onnx::Model, CatalogueError> {
    onnx::Model::decode(bytes).map_err(|cause| match foreign_file(bytes) {
        Some(what) => {
            CatalogueError::refused(Path::new(origin), format!("not an ONNX model: it is {what}"))
        }
        None => CatalogueError::Onnx { origin: origin.to_owned(), cause },
    })
}
