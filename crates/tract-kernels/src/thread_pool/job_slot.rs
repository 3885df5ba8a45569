//! The slot through which a caller shares a job with the workers.
//!
//! A job is a closure that is called with every index below a count. Each such call is a task.
//!
//! # Safety of this file
//! A [`Job`] is a borrowed closure whose lifetime has been erased. [`JobSlot::run`] closes the slot
//! again and waits until every worker has left it, before it returns or unwinds. So no worker uses
//! the closure after its owner does.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::parallel::enter_task;

type Job = *const (dyn Fn(usize) + Sync);

/// Where a caller puts the job that workers may help with.
pub(super) struct JobSlot {
    /// Whether the slot belongs to a caller.
    claimed: AtomicBool,
    /// The core on which its caller started; `usize::MAX` where the slot has none.
    pub(super) caller_core: AtomicUsize,
    /// The number of workers inside, plus [`JobSlot::CLOSED`] where no more may enter.
    entry: AtomicUsize,
    /// The index of the next task.
    next: AtomicUsize,
    count: AtomicUsize,
    /// Whether a task panicked on a worker.
    panicked: AtomicBool,
    job: UnsafeCell<Option<Job>>,
}

// SAFETY: `job` is written by the caller that has `claimed` the slot, and only while the slot is
// closed and no worker is inside; it is read by workers inside.
unsafe impl Sync for JobSlot {}
// SAFETY: the job behind the pointer is `Sync`, so any thread may call it.
unsafe impl Send for JobSlot {}

impl Default for JobSlot {
    fn default() -> Self {
        Self {
            claimed: AtomicBool::new(false),
            caller_core: AtomicUsize::new(usize::MAX),
            entry: AtomicUsize::new(Self::CLOSED),
            next: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            job: UnsafeCell::new(None),
        }
    }
}

impl JobSlot {
    const CLOSED: usize = 1 << (usize::BITS - 1);

    /// Claims the slot for the calling thread; false where another caller owns it.
    pub(super) fn try_claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// Gives the slot back, for other callers to claim.
    pub(super) fn release(&self) {
        self.caller_core.store(usize::MAX, Ordering::Relaxed);
        self.claimed.store(false, Ordering::Release);
    }

    /// Whether the slot is open and its job has tasks that no thread has begun.
    pub(super) fn has_work(&self) -> bool {
        self.entry.load(Ordering::SeqCst) & Self::CLOSED == 0
            && self.next.load(Ordering::Relaxed) < self.count.load(Ordering::Relaxed)
    }

    /// Runs `count` tasks, with the help of the workers that `wake` wakes. Returns when all of them
    /// are done.
    ///
    /// Only the caller that has claimed the slot calls this.
    pub(super) fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync), wake: impl FnOnce()) {
        // SAFETY: only the lifetime changes; see the head of this file.
        let job = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(task) };
        // SAFETY: the slot is closed and no worker is inside, as `CloseOnDrop` left it.
        unsafe { *self.job.get() = Some(job) };
        self.next.store(0, Ordering::Relaxed);
        self.count.store(count, Ordering::Relaxed);
        // Where the job before ended by a panic of its caller, a worker's panic was not reported.
        self.panicked.store(false, Ordering::Relaxed);
        self.entry.fetch_and(!Self::CLOSED, Ordering::SeqCst);
        let open = CloseOnDrop(self);
        wake();
        self.run_tasks(task, || false);
        drop(open);
        assert!(!self.panicked.swap(false, Ordering::AcqRel), "a worker thread panicked");
    }

    /// Runs tasks until none are left or `should_stop` says so.
    fn run_tasks(&self, task: &(dyn Fn(usize) + Sync), should_stop: impl Fn() -> bool) {
        let count = self.count.load(Ordering::Relaxed);
        let _guard = enter_task();
        while !should_stop() {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            task(index);
        }
    }

    /// What a worker does for a job: it enters the slot, runs tasks until none are left or
    /// `should_stop` says so, and leaves.
    pub(super) fn help(&self, should_stop: impl Fn() -> bool) {
        if self.entry.fetch_add(1, Ordering::SeqCst) & Self::CLOSED == 0 {
            // SAFETY: the slot was open when this worker entered. So it holds a job, which stays
            // valid until this worker has left.
            let job = unsafe { (*self.job.get()).map(|job| &*job) };
            let work = || job.into_iter().for_each(|task| self.run_tasks(task, &should_stop));
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                self.panicked.store(true, Ordering::Release);
            }
        }
        self.entry.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An open slot. Dropping this closes it and waits until every worker has left.
struct CloseOnDrop<'a>(&'a JobSlot);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.entry.fetch_or(JobSlot::CLOSED, Ordering::SeqCst);
        let mut spins = 0u32;
        while self.0.entry.load(Ordering::SeqCst) != JobSlot::CLOSED {
            spins += 1;
            if spins.is_multiple_of(1 << 12) {
                // The system may have suspended the worker and given its core to another thread.
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}
