use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::{Classifier, ServiceError};
use crate::preprocess::Picture;
use crate::runtime::{ByteCache, CancellationToken, Fingerprint, HeldBytes, OutputSet, Values};

/// A decoded picture and the values of its forward pass. A request for other classes, or for other
/// layers among the values, needs no second forward pass.
#[derive(Debug)]
pub struct CachedForward {
    /// The picture.
    pub picture: Picture,
    /// What the forward pass computed.
    pub values: Values,
    /// The size of the picture's file, which the cache's key holds.
    pub(super) file_bytes: usize,
}

impl HeldBytes for CachedForward {
    fn held_bytes(&self) -> usize {
        self.values.bytes() + self.picture.pixels.as_raw().len() + self.file_bytes
    }
}

/// A cache of the forward passes of recent pictures, bounded in bytes.
#[derive(Debug)]
pub struct ForwardCache<S = RandomState> {
    /// None where nothing is cached.
    passes: Option<ByteCache<Key, CachedForward>>,
    /// Makes the hash of a file.
    hasher: S,
    capacity: usize,
}

/// A model, a picture's file, and how much was computed. The hash finds an entry; the bytes of the
/// file show that it is the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    hash: u64,
    model: String,
    fingerprint: Fingerprint,
    file: Bytes,
    outputs: OutputSet,
}

impl Hash for Key {
    /// Files are long: they are hashed once, when the key is made.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
        self.model.hash(state);
        self.outputs.hash(state);
    }
}

impl ForwardCache {
    /// A cache of at most `capacity` bytes. With 0 nothing is cached.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_hasher(capacity, RandomState::new())
    }
}

impl<S: BuildHasher> ForwardCache<S> {
    fn with_hasher(capacity: usize, hasher: S) -> Self {
        let passes = (capacity > 0).then(|| ByteCache::with_capacity(capacity));
        Self { passes, hasher, capacity }
    }

    /// The most bytes that it holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The forward pass of `model` over the picture in `file`, with at least the values of
    /// `outputs`, and whether it was in the cache. If it is missing, `compute` runs once, even if
    /// several callers ask at the same time. `compute` gets the decoded picture where an entry with
    /// fewer values has it.
    ///
    /// # Errors
    /// Those of `compute`, and an interruption where `token` stops the wait for another caller.
    pub fn get_or_compute(
        &self,
        model: &Classifier,
        file: &Bytes,
        outputs: OutputSet,
        token: &CancellationToken,
        compute: impl FnOnce(Option<Picture>) -> Result<CachedForward, ServiceError>,
    ) -> Result<(Arc<CachedForward>, bool), ServiceError> {
        let Some(passes) = &self.passes else { return Ok((Arc::new(compute(None)?), false)) };
        let key = |outputs: OutputSet| Key {
            hash: self.hasher.hash_one(file),
            model: model.name().to_owned(),
            fingerprint: model.info().fingerprint(),
            file: file.clone(),
            outputs,
        };
        let key = key(outputs);
        match outputs {
            OutputSet::Scores => {
                let more = Key { outputs: OutputSet::Layers, ..key.clone() };
                if let Some(forward) = passes.get(&more) {
                    return Ok((forward, true));
                }
                passes.get_or_compute(&key, token, || compute(None))
            }
            OutputSet::Layers => {
                let fewer = Key { outputs: OutputSet::Scores, ..key.clone() };
                let known = || passes.get(&fewer).map(|forward| forward.picture.clone());
                let found = passes.get_or_compute(&key, token, || compute(known()))?;
                passes.remove(&fewer);
                Ok(found)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::preprocess::Format;
    use crate::runtime::Engine;
    use crate::service::LoadedModels;

    /// Gives every file the same hash.
    #[derive(Debug)]
    struct SameHash;

    impl BuildHasher for SameHash {
        type Hasher = SameHash;

        fn build_hasher(&self) -> Self {
            Self
        }
    }

    impl Hasher for SameHash {
        fn finish(&self) -> u64 {
            0
        }

        fn write(&mut self, _: &[u8]) {}
    }

    /// A forward pass that is known by the red of its picture.
    fn forward(red: u8) -> CachedForward {
        let pixels = RgbImage::from_pixel(1, 1, Rgb([red, 0, 0]));
        let picture = Picture { pixels, format: Format::Png };
        CachedForward { picture, values: Values::default(), file_bytes: 1 }
    }

    #[test]
    fn files_of_the_same_hash_are_told_apart_by_their_bytes() {
        let models = LoadedModels::load(Path::new("no such folder"), "", &Engine::default());
        let models = models.unwrap();
        let model = models.iter().next().unwrap();
        let cache = ForwardCache::with_hasher(1 << 20, SameHash);
        let token = CancellationToken::never();
        let ask = |file: &'static [u8], red: u8, outputs: OutputSet| {
            let file = Bytes::from_static(file);
            let compute = |known: Option<Picture>| {
                assert!(known.is_none(), "the picture of another file");
                Ok(forward(red))
            };
            let (found, was_cached) =
                cache.get_or_compute(model, &file, outputs, &token, compute).unwrap();
            (found.picture.pixels.get_pixel(0, 0)[0], was_cached)
        };
        for (file, red) in [(&b"a"[..], 1), (b"b", 2)] {
            assert_eq!(ask(file, red, OutputSet::Scores), (red, false));
        }
        for (file, red) in [(&b"a"[..], 1), (b"b", 2)] {
            assert_eq!(ask(file, 9, OutputSet::Scores), (red, true));
        }
        assert_eq!(ask(b"c", 3, OutputSet::Layers), (3, false));
        assert_eq!(ask(b"c", 9, OutputSet::Scores), (3, true));
    }
}
