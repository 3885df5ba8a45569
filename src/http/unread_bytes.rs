use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::HttpError;

/// The bytes of finished answers that clients have not read yet, and their limit.
///
/// The size of an answer is known only when it is finished, so an answer may exceed the limit.
/// While the limit is reached, no further answer is computed. So these bytes are at most the limit
/// and one answer for each worker.
#[derive(Debug, Clone)]
pub(super) struct UnreadBytes {
    bytes: Arc<AtomicU64>,
    limit: u64,
}

/// The bytes of one answer. They count until this is dropped.
#[derive(Debug)]
pub(super) struct Unread {
    all: Arc<AtomicU64>,
    pub(super) bytes: u64,
}

/// Response extension: the body is part of the program and takes no memory. It does not count, so
/// that the open routes, which need no API key, cannot use up the limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct InProgram;

impl UnreadBytes {
    pub(super) fn new(limit: u64) -> Self {
        Self { bytes: Arc::default(), limit }
    }

    /// Counts the bytes of an answer.
    pub(super) fn add(&self, bytes: u64) -> Unread {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Unread { all: Arc::clone(&self.bytes), bytes }
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the limit is reached.
    pub(super) fn is_exhausted(&self) -> bool {
        self.bytes() >= self.limit
    }

    /// Whether another answer may be computed.
    ///
    /// # Errors
    /// [`HttpError::TooManyUnreadBytes`].
    pub(super) fn check(&self) -> Result<(), HttpError> {
        if self.is_exhausted() {
            return Err(HttpError::TooManyUnreadBytes { limit: self.limit });
        }
        Ok(())
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
