//! The CPU core on which a thread is woken.
//!
//! An operating system may wake a thread on the core of the thread that wakes it, even where
//! another core is idle. It corrects that only milliseconds later, when a small network is done. So
//! the waking thread restricts the woken one to other cores. Once awake, the thread may run
//! anywhere again. On systems other than Linux this module does nothing.

pub(super) use system::{ThreadAffinity, current_core};

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// The cores on which a thread may run.
    pub(in super::super) struct ThreadAffinity {
        thread: Pid,
        /// The cores of the thread before it was [restricted](Self::restrict); `None` where it is
        /// not restricted.
        unrestricted: Option<CpuSet>,
    }

    impl ThreadAffinity {
        pub(in super::super) fn of_current_thread() -> Self {
            Self { thread: gettid(), unrestricted: None }
        }

        /// Restricts the thread to those of its cores that `choose` leaves in the list, until
        /// [`restore`](Self::restore). Where the list is empty or the system refuses, nothing
        /// changes.
        pub(in super::super) fn restrict(&mut self, choose: impl FnOnce(&mut Vec<usize>)) {
            let Ok(allowed) = sched_getaffinity(Some(self.thread)) else { return };
            let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
            choose(&mut cores);
            let mut chosen = CpuSet::new();
            cores.iter().for_each(|&core| chosen.set(core));
            if !cores.is_empty() && sched_setaffinity(Some(self.thread), &chosen).is_ok() {
                self.unrestricted.get_or_insert(allowed);
            }
        }

        /// Lets the thread run wherever it could before.
        pub(in super::super) fn restore(&mut self) {
            if let Some(cores) = self.unrestricted.take() {
                // The system has just allowed the restriction, so it allows this as well. If it
                // does not, the thread stays restricted.
                let _ = sched_setaffinity(Some(self.thread), &cores);
            }
        }
    }

    /// The core on which this thread runs.
    pub(in super::super) fn current_core() -> usize {
        sched_getcpu()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    /// The affinity of a thread, on a system where it cannot be set.
    pub(in super::super) struct ThreadAffinity;

    impl ThreadAffinity {
        pub(in super::super) fn of_current_thread() -> Self {
            Self
        }

        pub(in super::super) fn restrict(&mut self, _: impl FnOnce(&mut Vec<usize>)) {}

        pub(in super::super) fn restore(&mut self) {}
    }

    /// No core: `usize::MAX`.
    pub(in super::super) fn current_core() -> usize {
        usize::MAX
    }
}

/// Removes from `cores` all but the share of `worker`, one of `workers`. With enough cores, the
/// shares do not overlap.
pub(super) fn assign_cores(cores: &mut Vec<usize>, worker: usize, workers: usize) {
    let shares = workers.min(cores.len());
    let mut position = 0;
    cores.retain(|_| {
        position += 1;
        (position - 1) % shares == worker % shares
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_restricted_thread_runs_on_its_cores_and_can_be_restored() {
        let mut cores = Vec::new();
        let mut affinity = ThreadAffinity::of_current_thread();
        affinity.restrict(|allowed| cores.clone_from(allowed));
        affinity.restore();
        for &core in &cores {
            affinity.restrict(|allowed| allowed.retain(|&other| other == core));
            assert_eq!(current_core(), core);
            affinity.restrict(|allowed| assert_eq!(*allowed, [core]));
            affinity.restore();
            affinity.restrict(|allowed| assert_eq!(*allowed, cores));
        }
        affinity.restrict(Vec::clear);
        affinity.restrict(|allowed| assert_eq!(*allowed, cores, "an empty list restricts nothing"));
    }

    #[test]
    fn workers_are_assigned_cores_of_their_own() {
        let assigned = |cores: usize, worker, workers| {
            let mut cores: Vec<usize> = (10..10 + cores).collect();
            assign_cores(&mut cores, worker, workers);
            cores
        };
        assert_eq!(assigned(1, 0, 1), [10]);
        assert_eq!((assigned(3, 0, 2), assigned(3, 1, 2)), (vec![10, 12], vec![11]));
        assert_eq!(
            (assigned(2, 0, 3), assigned(2, 1, 3), assigned(2, 2, 3)),
            (vec![10], vec![11], vec![10])
        );
        assert!(assigned(0, 0, 2).is_empty());
    }
}
