use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::parameters::excerpt;
use super::{Classifier, LoadError, ServiceError};
use crate::runtime::{Catalogue, Engine, Source};

/// The models that are ready, by name.
#[derive(Debug, Clone)]
pub struct Library {
    classifiers: Vec<Arc<Classifier>>,
    default: Option<String>,
}

impl Library {
    /// Loads every model of the folder, and the embedded convnet. `default` answers requests that
    /// name none; where there is no such model and only one is loaded, that one does.
    ///
    /// # Errors
    /// [`LoadError`] for the first model that cannot be made ready.
    pub fn load(folder: &Path, default: &str, engine: &Engine) -> Result<Self, LoadError> {
        let catalogue = Catalogue::scan(folder)?;
        let loaded: Vec<Result<Classifier, LoadError>> = thread::scope(|scope| {
            let sources = catalogue.into_sources().into_iter();
            let loading: Vec<_> = sources
                .map(|source| (source.location(), scope.spawn(|| Classifier::load(source, engine))))
                .collect();
            let join = |(location, thread): (String, thread::ScopedJoinHandle<'_, _>)| {
                let cause = "loading it panicked".to_owned();
                thread.join().unwrap_or(Err(LoadError { location, cause }))
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
        let sources = Catalogue::scan(folder)?.into_sources();
        let known: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        let missing = LoadError {
            location: excerpt(name),
            cause: format!("no such file, and no such model; there are: {}", known.join(", ")),
        };
        let source = sources.into_iter().find(|source| source.name == name).ok_or(missing)?;
        Ok(Self::of(vec![Arc::new(Classifier::load(source, engine)?)], name))
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

    fn of(classifiers: Vec<Arc<Classifier>>, default: &str) -> Self {
        let default = match classifiers.as_slice() {
            [only] => Some(only.name().to_owned()),
            several => {
                let found = several.iter().find(|classifier| classifier.name() == default);
                found.map(|classifier| classifier.name().to_owned())
            }
        };
        Self { classifiers, default }
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

    /// The name of the model that answers requests that name none.
    #[must_use]
    pub fn default_model(&self) -> Option<&str> {
        self.default.as_deref()
    }
}
