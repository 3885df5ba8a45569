use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::preprocess::Picture;
use crate::runtime::Values;

/// A picture that a model has seen: decoded, and with the values of its forward pass. Every
/// further class, layer and method starts from here.
#[derive(Debug)]
pub struct Seen {
    /// The picture.
    pub picture: Picture,
    /// What the plan computed of it.
    pub values: Values,
}

/// The pictures seen last, bounded in bytes, keyed by model and file content.
#[derive(Debug)]
pub struct Memory {
    entries: Mutex<Vec<Entry>>,
    hasher: RandomState,
    capacity: usize,
    hits: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    model: String,
    hash: u64,
    file: Vec<u8>,
    seen: Arc<Seen>,
    bytes: usize,
}

impl Memory {
    /// Holds at most `capacity` bytes; 0 remembers nothing.
    #[must_use]
    pub fn holding(capacity: usize) -> Self {
        Self {
            entries: Mutex::default(),
            hasher: RandomState::new(),
            capacity,
            hits: AtomicU64::new(0),
        }
    }

    /// What `model` saw of the picture in `file`, if that is remembered.
    pub fn recall(&self, model: &str, file: &[u8]) -> Option<Arc<Seen>> {
        if self.capacity == 0 {
            return None;
        }
        let hash = self.hasher.hash_one(file);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // The hash finds it, the bytes prove it.
        let place = entries
            .iter()
            .position(|entry| entry.hash == hash && entry.model == model && entry.file == file)?;
        let entry = entries.remove(place);
        let seen = Arc::clone(&entry.seen);
        entries.insert(0, entry);
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(seen)
    }

    /// Remembers what `model` saw, and forgets what was asked for longest ago.
    pub fn remember(&self, model: &str, file: &[u8], seen: &Arc<Seen>) {
        let pixels = seen.picture.pixels.as_raw().len();
        let bytes = seen.values.bytes() + pixels + file.len();
        if bytes > self.capacity {
            return;
        }
        let hash = self.hasher.hash_one(file);
        let entry = Entry {
            model: model.to_owned(),
            hash,
            file: file.to_vec(),
            seen: Arc::clone(seen),
            bytes,
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|other| other.hash != hash || other.model != model);
        entries.insert(0, entry);
        let mut held = 0;
        entries.retain(|entry| {
            held += entry.bytes;
            held <= self.capacity
        });
    }

    /// How often a picture was remembered.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}
