use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::labels::{ClassName, read_labels};
use super::{Card, Fingerprint, embedded};
use crate::onnx;
use crate::onnx::pb::TensorProto;

/// The models that can be loaded, found in the models folder and in the binary.
#[derive(Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// One model that was found, or what is wrong with its card or labels.
#[derive(Debug)]
pub struct Entry {
    /// The model's name.
    pub name: String,
    /// The model, or what is wrong with its card or labels.
    pub source: Result<Source, CatalogueError>,
}

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
    gradient: Option<PathBuf>,
}

/// Where a model's graph comes from.
#[derive(Debug, Clone)]
enum Origin {
    /// A file. `folder` is the model folder that it belongs to, `None` for a bare file.
    File {
        path: PathBuf,
        folder: Option<PathBuf>,
    },
    Embedded(&'static [u8]),
}

impl Origin {
    /// Changes whenever one of the model's files does.
    fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::File { folder: Some(folder), .. } => Fingerprint::of_folder(folder),
            Self::File { path, folder: None } => Fingerprint::of_file(path),
            Self::Embedded(_) => Fingerprint::default(),
        }
    }
}

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
    /// A card is not valid.
    #[error("{}: {cause}", path.display())]
    Card {
        /// The card.
        path: PathBuf,
        /// What is wrong and where.
        cause: String,
    },
    /// A label file is not valid.
    #[error("{}: {cause}", path.display())]
    Labels {
        /// The label file.
        path: PathBuf,
        /// What is wrong.
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
    /// The file that is wrong.
    #[must_use]
    pub fn location(&self) -> String {
        match self {
            Self::Read { path, .. } | Self::Card { path, .. } | Self::Labels { path, .. } => {
                path.display().to_string()
            }
            Self::Onnx { origin, .. } => origin.clone(),
        }
    }

    /// What is wrong, without the file.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Read { cause, .. } => cause.to_string(),
            Self::Card { cause, .. } | Self::Labels { cause, .. } => cause.clone(),
            Self::Onnx { cause, .. } => cause.to_string(),
        }
    }
}

impl Catalogue {
    /// Looks through `folder` for model folders (`<name>/model.onnx`) and bare files
    /// (`<name>.onnx`), and adds the embedded convnet where no model has its name. A folder that
    /// does not exist holds no models.
    ///
    /// # Errors
    /// [`CatalogueError`] for an unreadable folder.
    pub fn scan(folder: &Path) -> Result<Self, CatalogueError> {
        let mut entries = Vec::new();
        for path in paths(folder)? {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if path.join("model.onnx").is_file() {
                let source = Source::folder(&path);
                let name = source.as_ref().map_or(stem, |source| &source.name).to_owned();
                entries.push(Entry { name, source });
            } else if path.extension().is_some_and(|extension| extension == "onnx") {
                let source = Ok(Source::file(stem, &path));
                entries.push(Entry { name: stem.to_owned(), source });
            }
        }
        if !entries.iter().any(|entry| entry.name == embedded::NAME) {
            entries.push(Entry { name: embedded::NAME.to_owned(), source: Source::embedded() });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { entries })
    }

    /// The models, sorted by name.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

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
            Some(folder) if path.ends_with("model.onnx") => Self::folder(folder),
            _ => {
                let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("model");
                Ok(Self::file(stem, path))
            }
        }
    }

    fn file(name: &str, path: &Path) -> Self {
        let origin = Origin::File { path: path.to_owned(), folder: None };
        let (name, fingerprint) = (name.to_owned(), origin.fingerprint());
        Self {
            name,
            card: Card::default(),
            labels: Vec::new(),
            fingerprint,
            origin,
            gradient: None,
        }
    }

    fn folder(folder: &Path) -> Result<Self, CatalogueError> {
        let named = path_with_name(folder);
        let name = named.file_name().and_then(|name| name.to_str()).unwrap_or("model").to_owned();
        let (path, own) = (folder.join("model.onnx"), folder.to_owned());
        let origin = Origin::File { path, folder: Some(own) };
        let fingerprint = origin.fingerprint();
        let card_path = folder.join("model.toml");
        let card = if card_path.is_file() {
            read_card(&card_path, &read(&card_path)?)?
        } else {
            Card::default()
        };
        let labels = match &card.output.labels {
            None => Vec::new(),
            Some(file_name) => {
                let path = folder.join(file_name);
                let text = read(&path)?;
                read_labels(file_name, &text)
                    .map_err(|cause| CatalogueError::Labels { path, cause })?
            }
        };
        let gradient = Some(folder.join("gradient.onnx")).filter(|path| path.is_file());
        Ok(Self { name, card, labels, fingerprint, origin, gradient })
    }

    fn embedded() -> Result<Self, CatalogueError> {
        let path = PathBuf::from(embedded::NAME);
        let card = read_card(&path, embedded::CARD)?;
        let labels = read_labels("labels.json", embedded::LABELS)
            .map_err(|cause| CatalogueError::Labels { path, cause })?;
        let origin = Origin::Embedded(embedded::MODEL);
        let (name, fingerprint) = (embedded::NAME.to_owned(), origin.fingerprint());
        Ok(Self { name, card, labels, fingerprint, origin, gradient: None })
    }

    /// Reads and decodes the graph with its weights. The result is not cached: the engine holds the
    /// weights once, and weights that are needed elsewhere are read from the file again.
    ///
    /// # Errors
    /// [`CatalogueError::Read`] and [`CatalogueError::Onnx`].
    pub fn read(&self) -> Result<onnx::Model, CatalogueError> {
        match &self.origin {
            Origin::Embedded(bytes) => decode(&self.name, bytes),
            Origin::File { path, .. } => read_model(path),
        }
    }

    /// Reads the stored tensors called `names`.
    ///
    /// # Errors
    /// [`CatalogueError::Read`], also if the model's files have changed since they were loaded.
    pub fn read_tensors(
        &self,
        names: &HashSet<String>,
    ) -> Result<HashMap<String, TensorProto>, CatalogueError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |cause| CatalogueError::Read { path, cause }
        };
        match &self.origin {
            Origin::Embedded(bytes) => {
                let found = onnx::read_tensors(&mut io::Cursor::new(bytes), names);
                found.map_err(failed(Path::new(&self.name)))
            }
            Origin::File { path, .. } => {
                if self.fingerprint != self.origin.fingerprint() {
                    let cause = "it has changed since it was loaded; reload the models";
                    return Err(failed(path)(io::Error::other(cause)));
                }
                let file = fs::File::open(path).map(BufReader::new);
                let found = file.and_then(|mut file| onnx::read_tensors(&mut file, names));
                found.map_err(failed(path))
            }
        }
    }

    /// The gradient graph `gradient.onnx` beside the model, if there is one.
    ///
    /// # Errors
    /// [`CatalogueError::Read`] and [`CatalogueError::Onnx`].
    pub fn read_gradient(&self) -> Result<Option<onnx::Model>, CatalogueError> {
        self.gradient.as_deref().map(read_model).transpose()
    }

    /// The folder of external tensor data. `None` for the embedded model.
    #[must_use]
    pub fn directory(&self) -> Option<&str> {
        match &self.origin {
            Origin::Embedded(_) => None,
            Origin::File { path, .. } => path.parent().and_then(Path::to_str),
        }
    }

    /// The model's file, by which messages to the operator name the model.
    #[must_use]
    pub fn location(&self) -> String {
        match &self.origin {
            Origin::Embedded(_) => format!("{} (embedded)", self.name),
            Origin::File { path, .. } => path.display().to_string(),
        }
    }
}

fn paths(folder: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let failed = |cause| CatalogueError::Read { path: folder.to_owned(), cause };
    match fs::read_dir(folder) {
        Ok(entries) => {
            entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

fn read(path: &Path) -> Result<String, CatalogueError> {
    fs::read_to_string(path).map_err(|cause| CatalogueError::Read { path: path.to_owned(), cause })
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
    toml::from_str(text).map_err(|error| CatalogueError::Card {
        path: path.to_owned(),
        cause: error.to_string().trim_end().to_owned(),
    })
}

fn read_model(path: &Path) -> Result<onnx::Model, CatalogueError> {
    let bytes =
        fs::read(path).map_err(|cause| CatalogueError::Read { path: path.to_owned(), cause })?;
    decode(&path.display().to_string(), &bytes)
}

fn decode(origin: &str, bytes: &[u8]) -> Result<onnx::Model, CatalogueError> {
    onnx::Model::decode(bytes)
        .map_err(|cause| CatalogueError::Onnx { origin: origin.to_owned(), cause })
}
