//! A thread pool whose threads help with one operator at a time.
//!
//! A thread that runs a network inside [`ThreadPool::run`] is a *caller*. Where an operator splits
//! its work by [`parallel_for`], idle *workers* help the caller. The pool never has more active
//! threads than its size: all workers help a single caller, and with as many callers as threads
//! each caller works alone.
//!
//! A worker without work spins for a moment while there is a caller, because the next operator is
//! microseconds away. Then it parks. Without a caller, no worker runs. Callers and workers start on
//! CPU cores of their own ([`affinity`]) as long as there are enough cores.
//!
//! All unsafe code of the pool is in [`job_slot`].

mod affinity;
mod job_slot;
mod parallel;
mod state;
#[cfg(test)]
mod tests;
mod worker;
mod worker_loop;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::{fmt, io};

pub use self::parallel::parallel_for;
use self::parallel::{CURRENT, Current, is_inside_task};
pub(crate) use self::parallel::{current_threads, parallel_chunks};
use self::state::PoolState;

/// Threads that run networks together.
pub struct ThreadPool {
    state: Arc<PoolState>,
    workers: Vec<JoinHandle<()>>,
}

impl ThreadPool {
    /// A pool of `threads` threads. The caller is one of them; the others are started here.
    ///
    /// # Errors
    /// The operating system's error when it refuses to start a thread.
    pub fn new(threads: usize) -> io::Result<Self> {
        let workers = threads.saturating_sub(1);
        let state = Arc::new(PoolState::new(workers + 1, workers + 1));
        let mut pool = Self { state, workers: Vec::new() };
        for index in 0..workers {
            let state = Arc::clone(&pool.state);
            let builder = thread::Builder::new().name(format!("kernels-{index}"));
            pool.workers.push(builder.spawn(move || state.run_worker(index))?);
        }
        Ok(pool)
    }

    /// A pool without workers: every caller works alone.
    #[must_use]
    pub fn single_threaded() -> Self {
        Self { state: Arc::new(PoolState::new(1, 0)), workers: Vec::new() }
    }

    /// The largest number of threads that work at the same time.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.state.threads
    }

    /// Runs `work` on this thread. Idle workers help with each [`parallel_for`] in it. Inside a
    /// task of a `parallel_for` this thread works alone, because other threads have the other
    /// tasks.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        if is_inside_task() {
            return work();
        }
        let Some(slot) = self.state.claim_slot() else { return work() };
        self.state.active.fetch_add(1, Ordering::SeqCst);
        self.state.callers.fetch_add(1, Ordering::SeqCst);
        self.state.place_caller(slot);
        let before = CURRENT.replace(Some((Arc::clone(&self.state), slot)));
        let _guard = CallerGuard { state: &self.state, slot, before };
        work()
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::SeqCst);
        self.state.wake(usize::MAX);
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs, so its result carries no information.
            let _ = worker.join();
        }
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

/// Ends a call of [`ThreadPool::run`], also when its work panics.
struct CallerGuard<'a> {
    state: &'a PoolState,
    slot: usize,
    /// What was current before: another pool, where one call of `run` is inside another.
    before: Option<Current>,
}

impl Drop for CallerGuard<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
        self.state.callers.fetch_sub(1, Ordering::SeqCst);
        self.state.active.fetch_sub(1, Ordering::SeqCst);
        self.state.slots[self.slot].release();
    }
}
