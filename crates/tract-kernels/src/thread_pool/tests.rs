use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use super::affinity::current_core;
use super::*;

/// How many threads a pool counts as active after its workers have ended. Before that, a worker may
/// be about to leave a slot that it found closed.
fn active_after_drop(pool: ThreadPool) -> usize {
    let state = Arc::clone(&pool.state);
    drop(pool);
    state.active.load(Ordering::SeqCst)
}

#[test]
fn every_task_runs_exactly_once() {
    for threads in 1..=4 {
        let pool = ThreadPool::new(threads).unwrap();
        for count in [0, 1, 2, 7, 1000] {
            let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            pool.run(|| {
                parallel_for(count, |index| {
                    done[index].fetch_add(1, Ordering::Relaxed);
                })
            });
            assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1));
        }
    }
}

#[test]
fn many_callers_can_run_many_short_jobs() {
    let pool = ThreadPool::new(3).unwrap();
    thread::scope(|scope| {
        for caller in 0..5usize {
            let pool = &pool;
            scope.spawn(move || {
                pool.run(|| {
                    for round in 0..2000usize {
                        let mut sums = vec![0usize; 12];
                        parallel_chunks(&mut sums, 5, |chunk, sums| {
                            sums.iter_mut().for_each(|sum| *sum += caller + round + chunk);
                        });
                        for (index, sum) in sums.iter().enumerate() {
                            assert_eq!(*sum, caller + round + index / 5);
                        }
                    }
                })
            });
        }
    });
    assert_eq!(active_after_drop(pool), 0);
}

/// Waits until `done`; fails where that takes longer than ten seconds.
fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited in vain");
        thread::yield_now();
    }
}

#[test]
fn a_worker_helps_a_single_caller() {
    let pool = ThreadPool::new(2).unwrap();
    let inside = AtomicUsize::new(0);
    pool.run(|| {
        parallel_for(2, |_| {
            inside.fetch_add(1, Ordering::SeqCst);
            wait_until(|| inside.load(Ordering::SeqCst) == 2);
        });
    });
}

#[test]
fn with_as_many_callers_as_threads_no_worker_begins_a_job() {
    let pool = ThreadPool::new(2).unwrap();
    let (callers, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let call = || {
        pool.run(|| {
            callers.fetch_add(1, Ordering::SeqCst);
            wait_until(|| callers.load(Ordering::SeqCst) == 2);
            let here = thread::current().id();
            for _ in 0..20 {
                parallel_for(16, |_| {
                    assert_eq!(thread::current().id(), here, "a worker helps");
                    thread::sleep(Duration::from_micros(200));
                });
            }
            // Neither caller leaves before the other has finished.
            done.fetch_add(1, Ordering::SeqCst);
            wait_until(|| done.load(Ordering::SeqCst) == 2);
        });
    };
    thread::scope(|scope| {
        scope.spawn(call);
        scope.spawn(call);
    });
}

#[test]
fn a_worker_leaves_a_job_when_a_second_caller_comes() {
    const TASKS: usize = 200;
    let pool = ThreadPool::new(2).unwrap();
    let (helping, second) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (late, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            pool.run(|| {
                let caller = thread::current().id();
                parallel_for(TASKS, |_| {
                    let is_late = second.load(Ordering::SeqCst) == 1;
                    if thread::current().id() != caller {
                        helping.store(1, Ordering::SeqCst);
                        late.fetch_add(usize::from(is_late), Ordering::SeqCst);
                    }
                    // The first tasks last until the second caller is there.
                    wait_until(|| second.load(Ordering::SeqCst) == 1);
                    thread::sleep(Duration::from_micros(100));
                });
                done.store(1, Ordering::SeqCst);
            });
        });
        scope.spawn(|| {
            wait_until(|| helping.load(Ordering::SeqCst) == 1);
            pool.run(|| {
                second.store(1, Ordering::SeqCst);
                wait_until(|| done.load(Ordering::SeqCst) == 1);
            });
        });
    });
    // The second caller counts as active before it says that it is there, so the worker begins no
    // task after the one that it has.
    assert_eq!(late.load(Ordering::SeqCst), 0, "tasks that a worker began too late");
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_stays_usable() {
    let pool = ThreadPool::new(3).unwrap();
    for bad in [0, 5, 63] {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            pool.run(|| parallel_for(64, |index| assert_ne!(index, bad, "on purpose")));
        }));
        assert!(outcome.is_err());
    }
    let sum = AtomicUsize::new(0);
    pool.run(|| {
        parallel_for(10, |index| {
            sum.fetch_add(index, Ordering::Relaxed);
        })
    });
    assert_eq!(sum.load(Ordering::Relaxed), 45);
    assert_eq!(active_after_drop(pool), 0);
}

#[test]
fn a_panic_does_not_outlive_its_job() {
    let pool = ThreadPool::new(2).unwrap();
    let inside = AtomicUsize::new(0);
    // The caller and the worker both panic, in one job.
    let job = || {
        parallel_for(2, |_| {
            inside.fetch_add(1, Ordering::SeqCst);
            wait_until(|| inside.load(Ordering::SeqCst) == 2);
            panic!("on purpose");
        });
    };
    assert!(catch_unwind(AssertUnwindSafe(|| pool.run(job))).is_err());
    let sum = AtomicUsize::new(0);
    pool.run(|| {
        parallel_for(10, |index| {
            sum.fetch_add(index, Ordering::Relaxed);
        })
    });
    assert_eq!(sum.load(Ordering::Relaxed), 45);
}

#[test]
fn a_nested_parallel_for_runs_on_one_thread() {
    let pool = ThreadPool::new(2).unwrap();
    let sum = AtomicUsize::new(0);
    pool.run(|| {
        parallel_for(4, |_| {
            let here = thread::current().id();
            parallel_for(4, |index| {
                assert_eq!(thread::current().id(), here);
                sum.fetch_add(index, Ordering::Relaxed);
            })
        })
    });
    assert_eq!(sum.load(Ordering::Relaxed), 24);
}

#[test]
fn a_call_of_run_inside_a_task_counts_its_thread_once() {
    for threads in 1..=3 {
        let pool = ThreadPool::new(threads).unwrap();
        let most = AtomicUsize::new(0);
        pool.run(|| {
            parallel_for(12, |_| {
                pool.run(|| {
                    let here = thread::current().id();
                    parallel_for(4, |_| assert_eq!(thread::current().id(), here));
                    most.fetch_max(pool.state.active.load(Ordering::SeqCst), Ordering::SeqCst);
                    thread::sleep(Duration::from_micros(200));
                })
            })
        });
        let most = most.into_inner();
        assert!(most <= threads, "{most} threads are active in a pool of {threads}");
        assert_eq!(active_after_drop(pool), 0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_parked_worker_is_woken_on_another_core_than_its_caller() {
    const ROUNDS: usize = 20;
    let pool = ThreadPool::new(2).unwrap();
    let caller = thread::current().id();
    let mut apart = 0;
    for _ in 0..ROUNDS {
        thread::sleep(Duration::from_millis(2));
        let (caller_core, worker_core) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        pool.run(|| {
            parallel_for(2, |_| {
                if thread::current().id() == caller {
                    caller_core.store(current_core(), Ordering::Relaxed);
                    let start = Instant::now();
                    while worker_core.load(Ordering::Relaxed) == usize::MAX
                        && start.elapsed() < Duration::from_secs(1)
                    {}
                } else {
                    worker_core.store(current_core(), Ordering::Relaxed);
                }
            });
        });
        let (caller_core, worker_core) = (caller_core.into_inner(), worker_core.into_inner());
        apart += usize::from(worker_core != usize::MAX && worker_core != caller_core);
    }
    // The system may move either thread meanwhile, where other threads want the cores too.
    if thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        assert!(apart > ROUNDS / 2, "on another core in {apart} rounds of {ROUNDS}");
    }
}

#[test]
fn outside_a_pool_a_thread_works_alone() {
    let here = thread::current().id();
    parallel_for(8, |_| assert_eq!(thread::current().id(), here));
    assert_eq!(current_threads(), 1);
}
