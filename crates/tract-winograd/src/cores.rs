//! Which core a thread is woken on.
//!
//! A system may wake a thread on the core of whoever wakes it, even where another core is idle, and
//! set that right milliseconds later, when a small network is done. So whoever wakes a thread says
//! where to; once awake, it is the system's again. Where a system cannot be told, nothing happens.

pub(crate) use system::{Seat, current};

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// A thread as the system knows it.
    pub(crate) struct Seat {
        thread: Pid,
        /// Where the thread may run when it is not [confined](Self::confine).
        before: Option<CpuSet>,
    }

    impl Seat {
        /// This thread's.
        pub(crate) fn here() -> Self {
            Self { thread: gettid(), before: None }
        }

        /// Lets the thread run only where `choose` says, of the cores that it may use, until it is
        /// set [`free`](Self::free). Of no core, or where the system refuses, nothing changes.
        pub(crate) fn confine(&mut self, choose: impl FnOnce(&mut Vec<usize>)) {
            let Ok(allowed) = sched_getaffinity(Some(self.thread)) else { return };
            let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
            choose(&mut cores);
            let mut confined = CpuSet::new();
            cores.iter().for_each(|&core| confined.set(core));
            if !cores.is_empty() && sched_setaffinity(Some(self.thread), &confined).is_ok() {
                self.before.get_or_insert(allowed);
            }
        }

        /// Lets the thread run wherever it could before.
        pub(crate) fn free(&mut self) {
            if let Some(before) = self.before.take() {
                // What could be narrowed a moment ago can be widened; if not, it stays narrow.
                let _ = sched_setaffinity(Some(self.thread), &before);
            }
        }
    }

    /// The core that this thread runs on.
    pub(crate) fn current() -> usize {
        sched_getcpu()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    /// A thread of a system that does not let a core be chosen.
    pub(crate) struct Seat;

    impl Seat {
        pub(crate) fn here() -> Self {
            Self
        }

        pub(crate) fn confine(&mut self, _: impl FnOnce(&mut Vec<usize>)) {}

        pub(crate) fn free(&mut self) {}
    }

    /// No core.
    pub(crate) fn current() -> usize {
        usize::MAX
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_confined_thread_runs_where_it_was_put_and_is_free_again() {
        let mut cores = Vec::new();
        let mut seat = Seat::here();
        seat.confine(|allowed| cores.clone_from(allowed));
        seat.free();
        for &core in &cores {
            seat.confine(|allowed| allowed.retain(|&other| other == core));
            assert_eq!(current(), core);
            seat.confine(|allowed| assert_eq!(*allowed, [core]));
            seat.free();
            seat.confine(|allowed| assert_eq!(*allowed, cores));
        }
        seat.confine(Vec::clear);
        seat.confine(|allowed| assert_eq!(*allowed, cores, "nowhere is not asked for"));
    }
}
