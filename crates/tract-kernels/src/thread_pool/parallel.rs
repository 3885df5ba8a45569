use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, PoisonError};

use super::state::PoolState;

/// A pool, and the index of the job slot in it that a caller owns.
pub(super) type Current = (Arc<PoolState>, usize);

thread_local! {
    /// The pool of which this thread is a caller, while it may share work.
    pub(super) static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };

    /// Whether this thread is inside a task.
    static INSIDE_TASK: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a task, and so counts as active already.
pub(super) fn is_inside_task() -> bool {
    INSIDE_TASK.get()
}

/// Marks this thread as being inside a task until the guard is dropped.
pub(super) fn enter_task() -> LeaveTask {
    LeaveTask { before: INSIDE_TASK.replace(true) }
}

/// Restores what was before the task, also when it panics.
pub(super) struct LeaveTask {
    before: bool,
}

impl Drop for LeaveTask {
    fn drop(&mut self) {
        INSIDE_TASK.set(self.before);
    }
}

/// How many threads may share the work of this one: one where it is not the caller of a pool.
pub(crate) fn current_threads() -> usize {
    CURRENT.with_borrow(|current| current.as_ref().map_or(1, |(state, _)| state.threads))
}

/// Calls `task` with every index below `count`. Within
/// [`ThreadPool::run`](super::ThreadPool::run), idle workers of the pool run some of the tasks;
/// elsewhere this thread runs all of them.
pub fn parallel_for(count: usize, task: impl Fn(usize) + Sync) {
    // Taken out, so that a nested `parallel_for` in a task runs on its own thread alone.
    let current = if count > 1 { CURRENT.take() } else { None };
    let Some((state, slot)) = current else { return (0..count).for_each(task) };
    let _restore = RestoreCurrent(Some((Arc::clone(&state), slot)));
    state.slots[slot].run(count, &task, || {
        if state.has_idle_thread() {
            state.wake(count - 1);
        }
    });
}

/// Calls `task` with every chunk of `data`, of `size` elements, and its index. The threads are
/// those of [`parallel_for`].
pub(crate) fn parallel_chunks<T: Send>(
    data: &mut [T],
    size: usize,
    task: impl Fn(usize, &mut [T]) + Sync,
) {
    let chunks: Vec<Mutex<&mut [T]>> = data.chunks_mut(size).map(Mutex::new).collect();
    parallel_for(chunks.len(), |index| {
        // Each index comes once, so no thread ever waits for this lock.
        let mut chunk = chunks[index].lock().unwrap_or_else(PoisonError::into_inner);
        task(index, &mut chunk);
    });
}

struct RestoreCurrent(Option<Current>);

impl Drop for RestoreCurrent {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}
