use std::sync::Arc;

/// What was used last, the latest first, bounded by the bytes that it holds. The latest stays in
/// any case.
#[derive(Debug)]
pub(super) struct LruCache<K, V> {
    entries: Vec<Entry<K, V>>,
    capacity: usize,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: Arc<V>,
    bytes: usize,
}

impl<K: PartialEq, V> LruCache<K, V> {
    /// Holds at most `capacity` bytes beside the latest.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::new(), capacity }
    }

    /// The value whose key `is_meant`, which is the latest from now on.
    pub(super) fn get(&mut self, is_meant: impl Fn(&K) -> bool) -> Option<Arc<V>> {
        let place = self.entries.iter().position(|entry| is_meant(&entry.key))?;
        self.entries[..=place].rotate_right(1);
        Some(Arc::clone(&self.entries[0].value))
    }

    /// Takes a value in, in place of one with the same key, and drops what was used longest ago.
    pub(super) fn put(&mut self, key: K, value: Arc<V>, bytes: usize) {
        self.entries.retain(|entry| entry.key != key);
        self.entries.insert(0, Entry { key, value, bytes });
        let mut held = 0;
        let mut is_latest = true;
        self.entries.retain(|entry| {
            held += entry.bytes;
            std::mem::take(&mut is_latest) || held <= self.capacity
        });
    }
}
