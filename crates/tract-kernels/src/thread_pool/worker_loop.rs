//! What a worker thread does.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::affinity::ThreadAffinity;
use super::job_slot::JobSlot;
use super::state::PoolState;

/// How long a worker spins for the next operator before it parks.
const SPIN_TIME: Duration = Duration::from_micros(300);

impl PoolState {
    /// The loop of worker `index`: help, else spin, else park.
    pub(super) fn run_worker(&self, index: usize) {
        let worker = &self.workers[index];
        *worker.handle() = Some((thread::current(), ThreadAffinity::of_current_thread()));
        let mut idle_since = Instant::now();
        while !self.closing.load(Ordering::SeqCst) {
            if self.help_any() {
                idle_since = Instant::now();
            } else if self.should_spin() && idle_since.elapsed() < SPIN_TIME {
                (0..32).for_each(|_| std::hint::spin_loop());
            } else {
                // Set before the last look for work, so that a caller with a later job sees it.
                worker.parked.store(true, Ordering::SeqCst);
                let no_work = !self.slots.iter().any(JobSlot::has_work) || !self.has_idle_thread();
                if no_work && !self.closing.load(Ordering::SeqCst) {
                    thread::park();
                }
                worker.parked.store(false, Ordering::SeqCst);
                if let Some((_, affinity)) = worker.handle().as_mut() {
                    affinity.restore();
                }
                idle_since = Instant::now();
            }
        }
    }

    /// Whether a caller may soon need this worker.
    fn should_spin(&self) -> bool {
        self.callers.load(Ordering::SeqCst) > 0 && self.has_idle_thread()
    }

    /// Helps with a job that has tasks left, if there is one and one more thread may be active.
    fn help_any(&self) -> bool {
        let Some(slot) = self.slots.iter().find(|slot| slot.has_work()) else { return false };
        let one_more = |active: usize| (active < self.threads).then_some(active + 1);
        if self.active.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_err() {
            return false;
        }
        slot.help(|| self.is_oversubscribed());
        self.active.fetch_sub(1, Ordering::SeqCst);
        true
    }
}
