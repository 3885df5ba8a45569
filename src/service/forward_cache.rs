use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use super::lru_cache::LruCache;
use super::{Classifier, OutputSet};
use crate::preprocess::Picture;
use crate::runtime::{Fingerprint, Values};

/// A picture that a model has seen: decoded, and with the values of its forward pass. Every
/// further class starts from here, and every further layer where they reach so far.
#[derive(Debug)]
pub struct CachedForward {
    /// The picture.
    pub picture: Picture,
    /// What the plan computed of it.
    pub values: Values,
    /// How far they reach.
    pub extent: OutputSet,
}

/// The pictures seen last, bounded in bytes, keyed by model and file content.
#[derive(Debug)]
pub struct ForwardCache {
    seen: Mutex<LruCache<Key, CachedForward>>,
    hasher: RandomState,
    capacity: usize,
}

/// The hash finds it, the bytes warm_up it.
#[derive(Debug, PartialEq)]
struct Key {
    hash: u64,
    model: String,
    fingerprint: Fingerprint,
    file: Vec<u8>,
}

impl ForwardCache {
    /// Holds at most `capacity` bytes; 0 remembers nothing.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let seen = Mutex::new(LruCache::with_capacity(capacity));
        Self { seen, hasher: RandomState::new(), capacity }
    }

    /// The most bytes that it holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// What `model` saw of the picture in `file`, at least to `extent`, and whether it was
    /// remembered; else what `look` sees, which is remembered where it fits. `look` gets the
    /// picture where that at least is remembered.
    ///
    /// # Errors
    /// Those of `look`.
    pub fn get_or_compute<E>(
        &self,
        model: &Classifier,
        file: &[u8],
        extent: OutputSet,
        look: impl FnOnce(Option<Picture>) -> Result<CachedForward, E>,
    ) -> Result<(Arc<CachedForward>, bool), E> {
        if self.capacity == 0 {
            return Ok((Arc::new(look(None)?), false));
        }
        let hash = self.hasher.hash_one(file);
        let (name, fingerprint) = (model.name(), model.fingerprint());
        let is_same =
            |key: &Key| key.hash == hash && key.fingerprint == fingerprint && key.model == name;
        let is_meant = |key: &Key| is_same(key) && key.file == file;
        let recent = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recent().get(is_meant);
        let picture = match known {
            Some(seen) if seen.extent >= extent => return Ok((seen, true)),
            Some(seen) => Some(seen.picture.clone()),
            None => None,
        };
        let seen = Arc::new(look(picture)?);
        let pixels = seen.picture.pixels.as_raw().len();
        let bytes = seen.values.bytes() + pixels + file.len();
        if bytes <= self.capacity {
            let key = Key { hash, model: name.to_owned(), fingerprint, file: file.to_vec() };
            recent().put(key, Arc::clone(&seen), bytes);
        }
        Ok((seen, false))
    }
}
