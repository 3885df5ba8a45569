use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use super::affinity::ThreadAffinity;

/// What other threads need to wake a worker.
#[derive(Default)]
pub(super) struct Worker {
    pub(super) parked: AtomicBool,
    /// Set by the worker itself when it starts.
    handle: Mutex<Option<(Thread, ThreadAffinity)>>,
}

impl Worker {
    pub(super) fn handle(&self) -> MutexGuard<'_, Option<(Thread, ThreadAffinity)>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
