use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::affinity::{ThreadAffinity, assign_cores, current_core};
use super::job_slot::JobSlot;
use super::worker::Worker;

/// What the callers and the workers of one pool share.
pub(super) struct PoolState {
    /// The size of the pool.
    pub(super) threads: usize,
    /// Callers, and workers inside a job.
    pub(super) active: AtomicUsize,
    pub(super) callers: AtomicUsize,
    /// One for each caller that can have help.
    pub(super) slots: Vec<JobSlot>,
    pub(super) workers: Vec<Worker>,
    /// Whether the pool is being dropped.
    pub(super) closing: AtomicBool,
}

impl PoolState {
    pub(super) fn new(threads: usize, slots: usize) -> Self {
        Self {
            threads,
            active: AtomicUsize::new(0),
            callers: AtomicUsize::new(0),
            slots: (0..slots).map(|_| JobSlot::default()).collect(),
            workers: (1..threads).map(|_| Worker::default()).collect(),
            closing: AtomicBool::new(false),
        }
    }

    /// The index of a free job slot, which then belongs to the calling thread.
    pub(super) fn claim_slot(&self) -> Option<usize> {
        self.slots.iter().position(JobSlot::try_claim)
    }

    /// Whether one more thread may become active.
    pub(super) fn has_idle_thread(&self) -> bool {
        self.active.load(Ordering::SeqCst) < self.threads
    }

    /// Whether more threads are active than the pool has, as when a caller comes while workers are
    /// inside a job.
    pub(super) fn is_oversubscribed(&self) -> bool {
        self.active.load(Ordering::Relaxed) > self.threads
    }

    /// Wakes at most `most` parked workers, each on a core where no caller runs.
    pub(super) fn wake(&self, most: usize) {
        let was_parked = |(_, worker): &(_, &Worker)| worker.parked.swap(false, Ordering::SeqCst);
        for (index, worker) in self.workers.iter().enumerate().filter(was_parked).take(most) {
            if let Some((thread, affinity)) = worker.handle().as_mut() {
                affinity.restrict(|cores| {
                    cores.retain(|&core| !self.has_caller_on(core));
                    assign_cores(cores, index, self.workers.len());
                });
                thread.unpark();
            }
        }
    }

    fn has_caller_on(&self, core: usize) -> bool {
        self.slots.iter().any(|slot| slot.caller_core.load(Ordering::Relaxed) == core)
    }

    /// Notes the core on which this thread, the caller that owns `slot`, runs. If another caller
    /// runs there, this thread first moves to a core without one.
    pub(super) fn place_caller(&self, slot: usize) {
        if self.has_caller_on(current_core()) {
            let mut affinity = ThreadAffinity::of_current_thread();
            affinity.restrict(|cores| cores.retain(|&core| !self.has_caller_on(core)));
            affinity.restore();
        }
        self.slots[slot].caller_core.store(current_core(), Ordering::Relaxed);
    }
}
