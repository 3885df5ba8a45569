use std::sync::{Arc, PoisonError, RwLock};

use super::{Classifier, Library, ServiceError};

/// The library in use. It is replaced as a whole; who took a model from it goes on with that one.
#[derive(Debug)]
pub struct Shelf {
    library: RwLock<Arc<Library>>,
}

impl Shelf {
    /// The library as it is now.
    #[must_use]
    pub fn now(&self) -> Arc<Library> {
        Arc::clone(&self.library.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The model called `name`; without a name, the default.
    ///
    /// # Errors
    /// [`ServiceError::UnknownModel`] and [`ServiceError::NoModelNamed`].
    pub fn get(&self, name: Option<&str>) -> Result<Arc<Classifier>, ServiceError> {
        self.now().get(name).cloned()
    }

    /// Puts `library` in the place of the one there is.
    pub fn replace(&self, library: Library) {
        *self.library.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(library);
    }
}

impl From<Library> for Shelf {
    fn from(library: Library) -> Self {
        Self { library: RwLock::new(Arc::new(library)) }
    }
}
