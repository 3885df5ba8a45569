use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::{Classifier, LoadError, ServiceError};
use crate::config::excerpt;
use crate::runtime::{Catalogue, Engine, Entry, Fingerprint, Source};

/// One set of loaded models, by name.
#[derive(Debug, Clone)]
pub struct LoadedModels {
    classifiers: Vec<Arc<Classifier>>,
    default: Option<String>,
    refused: Vec<Refused>,
}

/// A model that could not be loaded when the models were reloaded. An older model of the same name
/// stays in use.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its name.
    pub name: String,
    /// The fingerprint of its files; none where they could not be read.
    pub(super) fingerprint: Option<Fingerprint>,
    /// What is wrong.
    pub error: LoadError,
}

impl LoadedModels {
    /// Loads every model of the folder, and the embedded convnet. `default` names the model
    /// for requests that name none. If only one model is loaded, that one is the default.
    ///
    /// # Errors
    /// [`LoadError`] for the first model that cannot be loaded.
    pub fn load(folder: &Path, default: &str, engine: &Engine) -> Result<Self, LoadError> {
        let entries = Catalogue::scan(folder)?.into_entries().into_iter();
        let sources = entries.map(|entry| entry.source).collect::<Result<Vec<_>, _>>()?;
        let loaded: Vec<Result<Classifier, LoadError>> = thread::scope(|scope| {
            let load = |source| scope.spawn(|| Classifier::load_and_warm_up(source, engine));
            let loading: Vec<_> = sources.into_iter().map(load).collect();
            // `load_and_warm_up` catches a panic that a model causes.
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            loading.into_iter().map(join).collect()
        });
        let classifiers =
            loaded.into_iter().map(|loaded| loaded.map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(classifiers, default))
    }

    /// One model of the folder alone, by name.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn named(folder: &Path, name: &str, engine: &Engine) -> Result<Self, LoadError> {
        let entries = Catalogue::scan(folder)?.into_entries();
        let known: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let missing = LoadError {
            location: excerpt(name),
            cause: format!("no such file, and no such model; there are: {}", known.join(", ")),
        };
        let entry = entries.into_iter().find(|entry| entry.name == name).ok_or(missing)?;
        Ok(Self::of(vec![Arc::new(Classifier::load(entry.source?, engine)?)], name))
    }

    /// One model alone, at a path of the caller's choice.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn open(path: &Path, engine: &Engine) -> Result<Self, LoadError> {
        let classifier = Arc::new(Classifier::load(Source::open(path)?, engine)?);
        let name = classifier.name().to_owned();
        Ok(Self::of(vec![classifier], &name))
    }

    /// A set without models.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(Vec::new(), "")
    }

    /// The models of `folder` as it is now. A model whose files are unchanged is kept, or loaded
    /// again if `everything` is set. A model that cannot be loaded is listed as refused, and the
    /// old model of that name stays in use. A model that is no longer in the folder is dropped.
    /// Models are loaded one after the other, so that at most one is in memory twice.
    ///
    /// # Errors
    /// [`LoadError`] where the folder cannot be read.
    pub fn reloaded(
        &self,
        folder: &Path,
        default: &str,
        engine: &Engine,
        everything: bool,
    ) -> Result<Self, LoadError> {
        let (mut classifiers, mut refused) = (Vec::new(), Vec::new());
        for Entry { name, source } in Catalogue::scan(folder)?.into_entries() {
            let old = self.classifiers.iter().find(|classifier| classifier.name() == name);
            let fingerprint = source.as_ref().ok().map(|source| source.fingerprint);
            let known =
                |held: Option<Fingerprint>| !everything && held.is_some() && held == fingerprint;
            if let Some(old) = old.filter(|old| known(Some(old.info().fingerprint()))) {
                classifiers.push(Arc::clone(old));
                continue;
            }
            let before = self.refused.iter().find(|refused| refused.name == name);
            let loaded = match before.filter(|before| known(before.fingerprint)) {
                Some(before) => Err(before.error.clone()),
                None => {
                    let source = source.map_err(LoadError::from);
                    source.and_then(|source| Classifier::load_and_warm_up(source, engine))
                }
            };
            match loaded {
                Ok(classifier) => classifiers.push(Arc::new(classifier)),
                Err(error) => {
                    classifiers.extend(old.cloned());
                    refused.push(Refused { name, fingerprint, error });
                }
            }
        }
        Ok(Self { refused, ..Self::of(classifiers, default) })
    }

    /// The models that could not be loaded when the models were reloaded.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// The refused models of which an older version is in use.
    pub fn kept(&self) -> impl Iterator<Item = &Refused> {
        let is_loaded =
            |name: &str| self.classifiers.iter().any(|classifier| classifier.name() == name);
        self.refused.iter().filter(move |refused| is_loaded(&refused.name))
    }

    fn of(classifiers: Vec<Arc<Classifier>>, default: &str) -> Self {
        let default = match classifiers.as_slice() {
            [only] => Some(only.name().to_owned()),
            several => {
                let found = several.iter().find(|classifier| classifier.name() == default);
                found.map(|classifier| classifier.name().to_owned())
            }
        };
        Self { classifiers, default, refused: Vec::new() }
    }

    /// The model called `name`; without a name, the default.
    ///
    /// # Errors
    /// [`ServiceError::UnknownModel`] and [`ServiceError::NoModelNamed`].
    pub fn get(&self, name: Option<&str>) -> Result<&Arc<Classifier>, ServiceError> {
        let known = || self.iter().map(|classifier| classifier.name().to_owned()).collect();
        let Some(wanted) = name.or(self.default.as_deref()) else {
            return Err(ServiceError::NoModelNamed { known: known() });
        };
        self.classifiers
            .iter()
            .find(|classifier| classifier.name() == wanted)
            .ok_or_else(|| ServiceError::UnknownModel { model: excerpt(wanted), known: known() })
    }

    /// Every model, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Classifier>> {
        self.classifiers.iter()
    }

    /// The name of the model for requests that name none.
    #[must_use]
    pub fn default_model(&self) -> Option<&str> {
        self.default.as_deref()
    }
}
