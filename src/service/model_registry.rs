use std::sync::{Arc, PoisonError, RwLock};

use super::{Classifier, LoadedModels, ServiceError};

/// The models in use. They are replaced as a whole. A request that has already taken a model keeps
/// it.
#[derive(Debug)]
pub struct ModelRegistry {
    models: RwLock<Arc<LoadedModels>>,
}

impl ModelRegistry {
    /// The models in use now.
    #[must_use]
    pub fn current(&self) -> Arc<LoadedModels> {
        Arc::clone(&self.models.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The model called `name`; without a name, the default.
    ///
    /// # Errors
    /// [`ServiceError::UnknownModel`] and [`ServiceError::NoModelNamed`].
    pub fn get(&self, name: Option<&str>) -> Result<Arc<Classifier>, ServiceError> {
        self.current().get(name).cloned()
    }

    /// Replaces all models by `models`.
    pub fn replace(&self, models: LoadedModels) {
        *self.models.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(models);
    }
}

impl From<LoadedModels> for ModelRegistry {
    fn from(models: LoadedModels) -> Self {
        Self { models: RwLock::new(Arc::new(models)) }
    }
}
