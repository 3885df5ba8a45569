use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{CatalogueError, Source, embedded};

/// The models that can be loaded, found in the models folder and in the binary.
#[derive(Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// One model that was found, or what is wrong with its name, card or labels.
#[derive(Debug)]
pub struct Entry {
    /// The model's name.
    pub name: String,
    /// The model, or what is wrong with its name, card or labels.
    pub source: Result<Source, CatalogueError>,
}

impl Catalogue {
    /// Looks through `folder` for model folders (`<name>/model.onnx`) and bare files
    /// (`<name>.onnx`), and adds the embedded convnet where no model has its name. Names that begin
    /// with a dot are no models: mounted configuration and some archives have such files. A folder
    /// that does not exist holds no models.
    ///
    /// # Errors
    /// [`CatalogueError`] for an unreadable folder.
    pub fn scan(folder: &Path) -> Result<Self, CatalogueError> {
        let mut by_name: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for path in paths(folder)? {
            if let Some(name) = model_name(&path) {
                by_name.entry(name).or_default().push(path);
            }
        }
        by_name.entry(embedded::NAME.to_owned()).or_default();
        let entries = by_name.into_iter().map(|(name, paths)| {
            let source = match paths.as_slice() {
                [] => Source::embedded(),
                [path] => source(&name, path),
                several => Err(ambiguous(&name, several)),
            };
            Entry { name, source }
        });
        Ok(Self { entries: entries.collect() })
    }

    /// The one model at `path`: a model folder or an `.onnx` file. It need not exist.
    #[must_use]
    pub fn of_model(path: &Path) -> Self {
        let source = Source::open(path);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = source.as_ref().map_or_else(|_| in_one_line(&stem), |it| it.name.clone());
        Self { entries: vec![Entry { name, source }] }
    }

    /// The models, sorted by name.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// The name of the model at `path`. None where there is no model. A name that is not UTF-8 has
/// replacement characters, and control characters are escaped, so that the name fits into a line.
fn model_name(path: &Path) -> Option<String> {
    let is_file = path.extension().is_some_and(|extension| extension == "onnx");
    let name = match Source::is_folder(path) {
        true => path.file_name()?,
        false if is_file => path.file_stem()?,
        false => return None,
    };
    Some(in_one_line(&name.to_string_lossy())).filter(|name| !name.starts_with('.'))
}

/// `name` with its control characters escaped.
fn in_one_line(name: &str) -> String {
    let escaped = name.chars().flat_map(|symbol| match symbol.is_control() {
        true => symbol.escape_default().collect::<Vec<_>>(),
        false => vec![symbol],
    });
    escaped.collect()
}

fn source(name: &str, path: &Path) -> Result<Source, CatalogueError> {
    let Some(file_name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(CatalogueError::refused(path, "its name is not UTF-8; rename it"));
    };
    if file_name.contains(char::is_control) {
        let shown = Path::new(name);
        return Err(CatalogueError::refused(shown, "its name has a control character; rename it"));
    }
    if Source::is_folder(path) { Source::folder(path) } else { Ok(Source::file(name, path)) }
}

fn ambiguous(name: &str, paths: &[PathBuf]) -> CatalogueError {
    let others = paths[1..].iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let cause = format!("{} is called {name:?} too; rename one of them", others.join(", "));
    CatalogueError::refused(&paths[0], cause)
}

/// The paths in `folder`, sorted.
fn paths(folder: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    match read() {
        Ok(mut paths) => {
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(CatalogueError::read(folder)(error)),
    }
}
