use std::path::Path;
use std::sync::Arc;

use super::{Classifier, LoadError, ServiceError};
use crate::config::excerpt;
use crate::runtime::{Catalogue, Engine, Fingerprint, Source};

/// One set of loaded models, by name.
#[derive(Debug, Clone, Default)]
pub struct LoadedModels {
    /// They are sorted by name.
    classifiers: Vec<Arc<Classifier>>,
    refused: Vec<Refused>,
    /// The model for requests that name none, where it is loaded.
    default: String,
}

/// A model that could not be loaded. An older model of the same name stays in use.
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
    /// A set without models.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
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
        Ok(Self::empty().with(Classifier::load(entry.source?, engine)?))
    }

    /// One model alone, at a path of the caller's choice.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn open(path: &Path, engine: &Engine) -> Result<Self, LoadError> {
        Ok(Self::empty().with(Classifier::load(Source::open(path)?, engine)?))
    }

    /// The same set with `classifier` in place of the model of its name.
    #[must_use]
    pub(super) fn with(mut self, classifier: Classifier) -> Self {
        let name = classifier.name();
        self.refused.retain(|refused| refused.name != name);
        match self.classifiers.binary_search_by(|other| other.name().cmp(name)) {
            Ok(index) => self.classifiers[index] = Arc::new(classifier),
            Err(index) => self.classifiers.insert(index, Arc::new(classifier)),
        }
        self
    }

    /// The same set in which `refused` is listed as such. An older model of its name is kept.
    #[must_use]
    pub(super) fn with_refused(mut self, refused: Refused) -> Self {
        self.refused.retain(|other| other.name != refused.name);
        self.refused.push(refused);
        self.refused.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }

    /// The models of this set for whose names `is_wanted` is true.
    #[must_use]
    pub(super) fn only(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        self.classifiers.retain(|classifier| is_wanted(classifier.name()));
        self.refused.retain(|refused| is_wanted(&refused.name));
        self
    }

    /// The same set, in which `default` is the model for requests that name none.
    #[must_use]
    pub(super) fn with_default(self, default: &str) -> Self {
        Self { default: default.to_owned(), ..self }
    }

    /// Whether the files of the model called `name` were loaded or refused as they are now.
    pub(super) fn is_known(&self, name: &str, fingerprint: Option<Fingerprint>) -> bool {
        let refused = self.refused.iter().find(|refused| refused.name == name);
        let known = match refused {
            Some(refused) => refused.fingerprint,
            None => self.find(name).map(|classifier| classifier.info().fingerprint()),
        };
        known.is_some() && known == fingerprint
    }

    /// The models that could not be loaded, sorted by name.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// The refused models of which an older version is in use.
    pub fn kept(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter().filter(|refused| self.find(&refused.name).is_some())
    }

    /// The model called `name`; without a name, the default.
    ///
    /// # Errors
    /// [`ServiceError::UnknownModel`] and [`ServiceError::NoModelNamed`].
    pub fn get(&self, name: Option<&str>) -> Result<&Arc<Classifier>, ServiceError> {
        let known = || self.iter().map(|classifier| classifier.name().to_owned()).collect();
        let Some(wanted) = name.or(self.default_model()) else {
            return Err(ServiceError::NoModelNamed { known: known() });
        };
        self.find(wanted)
            .ok_or_else(|| ServiceError::UnknownModel { model: excerpt(wanted), known: known() })
    }

    fn find(&self, name: &str) -> Option<&Arc<Classifier>> {
        self.classifiers.iter().find(|classifier| classifier.name() == name)
    }

    /// Every model, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Classifier>> {
        self.classifiers.iter()
    }

    /// The name of the model for requests that name none.
    #[must_use]
    pub fn default_model(&self) -> Option<&str> {
        match self.classifiers.as_slice() {
            [only] => Some(only.name()),
            _ => self.find(&self.default).map(|classifier| classifier.name()),
        }
    }
}
