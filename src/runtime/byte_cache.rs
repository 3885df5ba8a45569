use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quick_cache::sync::{Cache, GuardResult};
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::{CancellationToken, Interrupted};

/// How often a waiting thread checks whether its own caller has gone away.
const POLL: Duration = Duration::from_millis(20);

/// The number of entries for which space is reserved. The cache can hold more.
const ENTRIES: usize = 64;

/// A cache bounded by the bytes that its values hold. It keeps values that were used recently.
///
/// A missing value is computed once, however many threads ask for it: the others wait. If the
/// computation fails, one of the waiting threads computes instead, so that no caller gets another
/// caller's error or cancellation. Keys are independent: a hit never waits for a computation.
pub struct ByteCache<K, V> {
    entries: Cache<K, Arc<V>, ByBytes, DefaultHashBuilder, PinLatest>,
    latest: PinLatest,
}

/// A value that knows how much memory it holds.
pub trait HeldBytes {
    /// The memory that the value holds, in bytes.
    fn held_bytes(&self) -> usize;
}

/// Pins the latest value, so that it is not evicted. A cache of few large values would otherwise
/// evict it before it is used a second time.
#[derive(Debug, Clone, Default)]
struct PinLatest {
    /// The address of the latest value.
    address: Arc<AtomicUsize>,
}

impl<K, V> Lifecycle<K, Arc<V>> for PinLatest {
    type RequestState = ();

    fn is_pinned(&self, _: &K, value: &Arc<V>) -> bool {
        Arc::as_ptr(value).addr() == self.address.load(Ordering::Relaxed)
    }
}

/// Weighs values by their bytes.
#[derive(Debug, Clone)]
struct ByBytes {
    /// The greatest weight. A larger value has this weight, so that the latest value always fits.
    maximum: u64,
}

impl<K, V: HeldBytes> Weighter<K, Arc<V>> for ByBytes {
    fn weight(&self, _: &K, value: &Arc<V>) -> u64 {
        (value.held_bytes() as u64).clamp(1, self.maximum)
    }
}

impl<K: Hash + Eq + Clone, V: HeldBytes> ByteCache<K, V> {
    /// An empty cache of `capacity` bytes. A value larger than `capacity` is kept while it is the
    /// latest.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = (capacity as u64).max(16);
        let mut options = OptionsBuilder::new();
        // One shard: with several, each would hold a part of the capacity, less than one value.
        options.shards(1).estimated_items_capacity(ENTRIES).weight_capacity(capacity);
        let options = options.build().unwrap_or_else(|_| unreachable!("both capacities are given"));
        let weighter = ByBytes { maximum: capacity / 10 * 9 };
        let (hasher, latest) = (DefaultHashBuilder::default(), PinLatest::default());
        let entries = Cache::with_options(options, weighter, hasher, latest.clone());
        Self { entries, latest }
    }

    /// The value of `key`, if it is there.
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        self.entries.get(key)
    }

    /// Removes the value of `key`.
    pub fn remove(&self, key: &K) {
        self.entries.remove(key);
    }

    /// The value of `key`, and whether the cache had it. A missing value is computed by `compute`
    /// and cached.
    ///
    /// # Errors
    /// The errors of `compute`, and [`Interrupted`] if `token` stops the wait for another thread.
    pub fn get_or_compute<E: From<Interrupted>>(
        &self,
        key: &K,
        token: &CancellationToken,
        compute: impl FnOnce() -> Result<V, E>,
    ) -> Result<(Arc<V>, bool), E> {
        loop {
            match self.entries.get_value_or_guard(key, Some(POLL)) {
                GuardResult::Value(value) => return Ok((value, true)),
                GuardResult::Guard(guard) => {
                    let value = Arc::new(compute()?);
                    self.latest.address.store(Arc::as_ptr(&value).addr(), Ordering::Relaxed);
                    // This fails if the key was removed meanwhile. The value is valid all the same.
                    let _ = guard.insert(Arc::clone(&value));
                    return Ok((value, false));
                }
                GuardResult::Timeout => token.check()?,
            }
        }
    }
}

impl<K, V> fmt::Debug for ByteCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    impl HeldBytes for Vec<u8> {
        fn held_bytes(&self) -> usize {
            self.len()
        }
    }

    fn get(cache: &ByteCache<u32, Vec<u8>>, key: u32, bytes: usize) -> bool {
        let token = CancellationToken::never();
        let computed = cache.get_or_compute(&key, &token, || Ok::<_, Interrupted>(vec![0; bytes]));
        computed.unwrap().1
    }

    #[test]
    fn the_latest_value_is_kept_and_the_total_is_bounded() {
        let cache = ByteCache::with_capacity(1000);
        for key in 0..100 {
            assert!(!get(&cache, key, 400));
            assert!(get(&cache, key, 400), "the latest, {key}, is there");
        }
        let kept = (0..100).filter(|key| cache.get(key).is_some()).count();
        assert!((1..=2).contains(&kept), "{kept} values of 400 bytes in 1000");
    }

    #[test]
    fn a_value_larger_than_the_cache_is_kept_while_it_is_the_latest() {
        let cache = ByteCache::with_capacity(1000);
        assert!(!get(&cache, 1, 5000));
        assert!(get(&cache, 1, 5000));
        assert!(!get(&cache, 2, 5000));
        assert!(cache.get(&1).is_none());
    }

    #[test]
    fn a_missing_value_is_computed_once() {
        let (cache, computed) = (ByteCache::with_capacity(1000), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let compute = || {
                        computed.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(50));
                        Ok::<_, Interrupted>(vec![7])
                    };
                    let token = CancellationToken::never();
                    let (value, _) = cache.get_or_compute(&1, &token, compute).unwrap();
                    assert_eq!(*value, [7]);
                });
            }
        });
        assert_eq!(computed.into_inner(), 1);
    }

    #[test]
    fn a_failed_computation_is_repeated_by_a_waiting_thread() {
        let (cache, begun) = (ByteCache::with_capacity(1000), AtomicUsize::new(0));
        let outcomes: Vec<Result<u8, Interrupted>> = thread::scope(|scope| {
            let ask = || {
                let compute = || {
                    let is_first = begun.fetch_add(1, Ordering::SeqCst) == 0;
                    thread::sleep(Duration::from_millis(50));
                    if is_first { Err(Interrupted::Cancelled) } else { Ok(vec![7]) }
                };
                let token = CancellationToken::never();
                cache.get_or_compute(&1, &token, compute).map(|(value, _)| value[0])
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(7)).count(), 3);
        assert_eq!(begun.into_inner(), 2);
    }

    #[test]
    fn a_hit_does_not_wait_for_another_key() {
        let cache = ByteCache::with_capacity(1000);
        assert!(!get(&cache, 1, 10));
        thread::scope(|scope| {
            let (started, wait) = std::sync::mpsc::channel();
            let (finish, finished) = std::sync::mpsc::channel::<()>();
            let cache = &cache;
            scope.spawn(move || {
                let compute = || {
                    started.send(()).unwrap();
                    finished.recv().unwrap();
                    Ok::<_, Interrupted>(vec![0])
                };
                cache.get_or_compute(&2, &CancellationToken::never(), compute).unwrap();
            });
            wait.recv().unwrap();
            assert!(get(cache, 1, 10), "answered while key 2 is being computed");
            let gone = CancellationToken::never();
            gone.cancel();
            let waits = cache.get_or_compute(&2, &gone, || Ok::<_, Interrupted>(vec![0]));
            assert_eq!(waits.unwrap_err(), Interrupted::Cancelled);
            finish.send(()).unwrap();
        });
    }
}
