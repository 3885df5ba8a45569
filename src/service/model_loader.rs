use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::{Classifier, LoadError, LoadedModels, ModelRegistry, Refused};
use crate::config::DEFAULT_FOLDER;
use crate::runtime::{Catalogue, Engine, Entry, Fingerprint, Source};

/// Loads the models of the models folder, or one model alone, into a registry.
///
/// Models are loaded one after the other, and each replaces its older version at once. So at most
/// one model is in memory twice.
#[derive(Debug, Clone)]
pub struct ModelLoader {
    place: Place,
    default: String,
    engine: Engine,
}

/// Where the models are.
#[derive(Debug, Clone)]
enum Place {
    /// A models folder.
    Folder(PathBuf),
    /// One model: its folder or its file.
    Model(PathBuf),
}

impl ModelLoader {
    /// A loader of the models in `folder`. `default` is the name of the model for requests that
    /// name none.
    #[must_use]
    pub fn new(folder: &Path, default: &str, engine: Engine) -> Self {
        let place = Place::Folder(folder.to_owned());
        Self { place, default: default.to_owned(), engine }
    }

    /// A loader of the one model at `path`: a model folder, or an `.onnx` file.
    #[must_use]
    pub fn of_model(path: &Path, engine: Engine) -> Self {
        Self { place: Place::Model(path.to_owned()), default: String::new(), engine }
    }

    /// The fingerprint of the models folder, or of the model.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match &self.place {
            Place::Folder(folder) => Fingerprint::of_folder(folder),
            Place::Model(path) => Source::open(path).map(|it| it.fingerprint).unwrap_or_default(),
        }
    }

    fn entries(&self) -> Result<Vec<Entry>, LoadError> {
        Ok(match &self.place {
            Place::Folder(folder) => Catalogue::scan(folder)?.into_entries(),
            Place::Model(path) => Catalogue::of_model(path).into_entries(),
        })
    }

    /// Checks that the models folder or the model exists. The folder `models` need not exist,
    /// because it is the default.
    ///
    /// # Errors
    /// [`LoadError`], which names the flag or the file.
    pub fn check_place(&self) -> Result<(), LoadError> {
        let missing = match &self.place {
            Place::Model(path) if path.exists() => None,
            Place::Model(path) => Some((path.display().to_string(), "file")),
            Place::Folder(folder) if folder.is_dir() => None,
            Place::Folder(folder) if folder.as_os_str() == DEFAULT_FOLDER => None,
            Place::Folder(folder) => Some((format!("--models {}", folder.display()), "folder")),
        };
        missing.map_or(Ok(()), |(location, what)| {
            let cause = format!("there is no such {what}; create it or name another one");
            Err(LoadError { location, cause })
        })
    }

    /// Checks that the models folder has the model for requests that name none.
    ///
    /// # Errors
    /// [`LoadError`], which names the flag.
    pub fn check_default(&self) -> Result<(), LoadError> {
        let entries = self.entries()?;
        if matches!(self.place, Place::Model(_)) {
            return Ok(());
        }
        if entries.iter().any(|entry| entry.name == self.default) {
            return Ok(());
        }
        let known: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let location = format!("--default-model {}", self.default);
        let cause = format!("there is no such model; there are: {}", known.join(", "));
        Err(LoadError { location, cause })
    }

    /// Brings the models of `registry` up to date with the folder. A model whose files are
    /// unchanged is kept, or loaded again if `everything` is set. A model that cannot be loaded is
    /// listed as refused, and the old model of that name stays in use. A model that is no longer in
    /// the folder is dropped.
    ///
    /// # Errors
    /// [`LoadError`] where the folder cannot be read.
    pub fn reload(&self, registry: &ModelRegistry, everything: bool) -> Result<(), LoadError> {
        let entries = self.entries()?;
        let is_there = |name: &str| entries.iter().any(|entry| entry.name == name);
        registry.update(|models| models.only(is_there).with_default(&self.default));
        for entry in entries {
            let fingerprint = entry.source.as_ref().ok().map(|source| source.fingerprint);
            if everything || !registry.current().is_known(&entry.name, fingerprint) {
                // When a thread ends, the allocator returns what it has freed to the system.
                let loaded = thread::scope(|scope| {
                    scope.spawn(|| self.reload_one(registry, entry, fingerprint)).join()
                });
                loaded.unwrap_or_else(|panic| resume_unwind(panic));
            }
        }
        Ok(())
    }

    /// Replaces one model, or lists it as refused.
    fn reload_one(&self, registry: &ModelRegistry, entry: Entry, fingerprint: Option<Fingerprint>) {
        let Entry { name, source } = entry;
        let source = source.map_err(LoadError::from);
        match source.and_then(|source| Classifier::load_and_warm_up(source, &self.engine)) {
            Ok(classifier) => registry.update(|models| models.with(classifier)),
            Err(error) => {
                let refused = Refused { name: name.clone(), fingerprint, error: error.clone() };
                registry.update(|models| models.with_refused(refused));
                tracing::error!(model = name, %error, "model not loaded");
            }
        }
    }
}

impl LoadedModels {
    /// Loads every model of `folder`, and the embedded convnet. `default` is the name of the model
    /// for requests that name none. If there is only one model, that one is the default.
    ///
    /// # Errors
    /// [`LoadError`] for the first model that cannot be loaded.
    pub fn load(folder: &Path, default: &str, engine: &Engine) -> Result<Self, LoadError> {
        let registry = ModelRegistry::from(Self::empty());
        ModelLoader::new(folder, default, engine.clone()).reload(&registry, true)?;
        let models = registry.current();
        match models.refused().first() {
            Some(refused) => Err(refused.error.clone()),
            None => Ok(Self::clone(&models)),
        }
    }
}
