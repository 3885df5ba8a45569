//! Threads that help with one operator at a time.
//!
//! A thread that runs a network *leads*: [`Team::run`]. Where an operator has pieces to share out,
//! helpers join in, but never more threads are at work than the team has: with one leader all
//! others help, with as many leaders as threads each works alone. A helper that finds nothing to do
//! while somebody leads spins for a moment, since the next operator is microseconds away, then
//! parks; where nobody leads, nothing runs. Leaders and helpers start on [cores](crate::cores) of
//! their own as long as there are enough.
//!
//! # Safety of this file
//! A [`Job`] is a borrow whose lifetime has been forgotten. [`Board::post`] takes it away again,
//! and waits until every helper has left, before it returns or unwinds, so no helper sees it later
//! than its owner.

use std::cell::RefCell;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::cores::{self, Seat};

/// How long a helper looks for the next operator before it parks.
const PATIENCE: Duration = Duration::from_micros(300);

type Job = *const (dyn Fn(usize) + Sync);

/// Threads that run networks together.
pub struct Team {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

struct Shared {
    threads: usize,
    /// Leaders, and helpers inside a job.
    working: AtomicUsize,
    leaders: AtomicUsize,
    boards: Vec<Board>,
    sleepers: Vec<Sleeper>,
    closing: AtomicBool,
}

#[derive(Default)]
struct Sleeper {
    asleep: AtomicBool,
    thread: Mutex<Option<(Thread, Seat)>>,
}

impl Sleeper {
    fn thread(&self) -> MutexGuard<'_, Option<(Thread, Seat)>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The team that this thread leads, and the board that it posts on.
    static LEADING: RefCell<Option<(Arc<Shared>, usize)>> = const { RefCell::new(None) };
}

impl Team {
    /// A team of `threads`, counting the leader; the others are started here.
    ///
    /// # Errors
    /// The operating system's, when it refuses a thread.
    pub fn new(threads: usize) -> io::Result<Self> {
        let helpers = threads.saturating_sub(1);
        let shared = Arc::new(Shared {
            threads: helpers + 1,
            working: AtomicUsize::new(0),
            leaders: AtomicUsize::new(0),
            boards: (0..=helpers).map(|_| Board::default()).collect(),
            sleepers: (0..helpers).map(|_| Sleeper::default()).collect(),
            closing: AtomicBool::new(false),
        });
        let mut team = Self { shared, helpers: Vec::new() };
        for index in 0..helpers {
            let shared = Arc::clone(&team.shared);
            let builder = thread::Builder::new().name(format!("helper-{index}"));
            team.helpers.push(builder.spawn(move || shared.help(index))?);
        }
        Ok(team)
    }

    /// A team of nobody but its leader.
    #[must_use]
    pub fn alone() -> Self {
        let shared = Shared {
            threads: 1,
            working: AtomicUsize::new(0),
            leaders: AtomicUsize::new(0),
            boards: Vec::new(),
            sleepers: Vec::new(),
            closing: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), helpers: Vec::new() }
    }

    /// How many threads work at most.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.shared.threads
    }

    /// Runs `work` on this thread, with the help of those who have nothing to do.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let boards = &self.shared.boards;
        let free = boards.iter().position(|board| !board.taken.swap(true, Ordering::AcqRel));
        let Some(board) = free else { return work() };
        self.shared.working.fetch_add(1, Ordering::SeqCst);
        self.shared.leaders.fetch_add(1, Ordering::SeqCst);
        self.shared.seat_leader(board);
        let before = LEADING.replace(Some((Arc::clone(&self.shared), board)));
        let _leave = Leave { shared: &self.shared, board, before };
        work()
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.wake(usize::MAX);
        for helper in self.helpers.drain(..) {
            // A helper catches the panics of its jobs, so there is nothing to hear from it.
            let _ = helper.join();
        }
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Team").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

struct Leave<'a> {
    shared: &'a Shared,
    board: usize,
    before: Option<(Arc<Shared>, usize)>,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        LEADING.set(self.before.take());
        self.shared.leaders.fetch_sub(1, Ordering::SeqCst);
        self.shared.working.fetch_sub(1, Ordering::SeqCst);
        self.shared.boards[self.board].core.store(usize::MAX, Ordering::Relaxed);
        self.shared.boards[self.board].taken.store(false, Ordering::Release);
    }
}

/// How many threads may share the work of this one: one where it leads no team.
pub(crate) fn threads() -> usize {
    LEADING.with_borrow(|leading| leading.as_ref().map_or(1, |(shared, _)| shared.threads))
}

/// Calls `piece` with every index below `count`, on this thread and on those that help it: within
/// [`Team::run`] those that have nothing to do, elsewhere nobody.
pub fn share(count: usize, piece: impl Fn(usize) + Sync) {
    // Taken, so that a piece which shares out work itself does that alone.
    let leading = if count > 1 { LEADING.take() } else { None };
    let Some((shared, board)) = leading else { return (0..count).for_each(piece) };
    let _restore = Restore(Some((Arc::clone(&shared), board)));
    shared.boards[board].post(&shared, count, &piece);
}

/// Calls `piece` with every chunk of `data` and its index, as [`share`] does.
pub(crate) fn share_chunks<T: Send>(
    data: &mut [T],
    size: usize,
    piece: impl Fn(usize, &mut [T]) + Sync,
) {
    let chunks: Vec<Mutex<&mut [T]>> = data.chunks_mut(size).map(Mutex::new).collect();
    share(chunks.len(), |index| {
        // Each index comes once, so nobody ever waits here.
        let mut chunk = chunks[index].lock().unwrap_or_else(PoisonError::into_inner);
        piece(index, &mut chunk);
    });
}

struct Restore(Option<(Arc<Shared>, usize)>);

impl Drop for Restore {
    fn drop(&mut self) {
        LEADING.set(self.0.take());
    }
}

impl Shared {
    fn has_room(&self) -> bool {
        self.working.load(Ordering::SeqCst) < self.threads
    }

    fn is_crowded(&self) -> bool {
        self.working.load(Ordering::Relaxed) > self.threads
    }

    /// Wakes helpers, each on a core that nobody leads on.
    fn wake(&self, most: usize) {
        let asleep = |(_, sleeper): &(_, &Sleeper)| sleeper.asleep.swap(false, Ordering::SeqCst);
        for (helper, sleeper) in self.sleepers.iter().enumerate().filter(asleep).take(most) {
            if let Some((thread, seat)) = sleeper.thread().as_mut() {
                seat.confine(|cores| {
                    cores.retain(|&core| !self.is_led_on(core));
                    deal(cores, helper, self.sleepers.len());
                });
                thread.unpark();
            }
        }
    }

    fn is_led_on(&self, core: usize) -> bool {
        self.boards.iter().any(|board| board.core.load(Ordering::Relaxed) == core)
    }

    /// Notes where the leader of `board` runs, and first moves this thread, which is that leader,
    /// away from where another leads.
    fn seat_leader(&self, board: usize) {
        if self.is_led_on(cores::current()) {
            let mut seat = Seat::here();
            seat.confine(|cores| cores.retain(|&core| !self.is_led_on(core)));
            seat.free();
        }
        self.boards[board].core.store(cores::current(), Ordering::Relaxed);
    }

    /// The life of a helper.
    fn help(&self, index: usize) {
        let sleeper = &self.sleepers[index];
        *sleeper.thread() = Some((thread::current(), Seat::here()));
        let mut idle_since = Instant::now();
        while !self.closing.load(Ordering::SeqCst) {
            if self.join_any() {
                idle_since = Instant::now();
            } else if self.worth_waiting() && idle_since.elapsed() < PATIENCE {
                (0..32).for_each(|_| std::hint::spin_loop());
            } else {
                // Said before looking a last time, so that whoever posts afterwards sees it.
                sleeper.asleep.store(true, Ordering::SeqCst);
                let nothing = !self.boards.iter().any(Board::is_open) || !self.has_room();
                if nothing && !self.closing.load(Ordering::SeqCst) {
                    thread::park();
                }
                sleeper.asleep.store(false, Ordering::SeqCst);
                if let Some((_, seat)) = sleeper.thread().as_mut() {
                    seat.free();
                }
                idle_since = Instant::now();
            }
        }
    }

    /// Whether somebody leads who might soon need this helper.
    fn worth_waiting(&self) -> bool {
        self.leaders.load(Ordering::SeqCst) > 0 && self.has_room()
    }

    /// Works on a job that has pieces left, if there is one and room for one more.
    fn join_any(&self) -> bool {
        let Some(board) = self.boards.iter().find(|board| board.is_open()) else { return false };
        let room = |working: usize| (working < self.threads).then_some(working + 1);
        if self.working.fetch_update(Ordering::SeqCst, Ordering::SeqCst, room).is_err() {
            return false;
        }
        board.join(|| self.is_crowded());
        self.working.fetch_sub(1, Ordering::SeqCst);
        true
    }
}

/// Leaves of `cores` the share of one of `helpers`: cores of its own, if there are enough of them.
fn deal(cores: &mut Vec<usize>, helper: usize, helpers: usize) {
    let hands = helpers.min(cores.len());
    let mut at = 0;
    cores.retain(|_| {
        at += 1;
        (at - 1) % hands == helper % hands
    });
}

/// Where a leader posts the job that others may join.
struct Board {
    taken: AtomicBool,
    /// Where its leader started; no core where it has none.
    core: AtomicUsize,
    /// Helpers inside, and [`Board::SHUT`] where no more may come in.
    door: AtomicUsize,
    next: AtomicUsize,
    count: AtomicUsize,
    panicked: AtomicBool,
    job: UnsafeCell<Option<Job>>,
}

// SAFETY: `job` is written by the leader that has `taken` the board, and only while the door is
// shut and nobody is inside; it is read by those inside.
unsafe impl Sync for Board {}
// SAFETY: the job behind the pointer is `Sync`, so any thread may call it.
unsafe impl Send for Board {}

impl Default for Board {
    fn default() -> Self {
        Self {
            taken: AtomicBool::new(false),
            core: AtomicUsize::new(usize::MAX),
            door: AtomicUsize::new(Self::SHUT),
            next: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            job: UnsafeCell::new(None),
        }
    }
}

impl Board {
    const SHUT: usize = 1 << (usize::BITS - 1);

    fn is_open(&self) -> bool {
        self.door.load(Ordering::SeqCst) & Self::SHUT == 0
            && self.next.load(Ordering::Relaxed) < self.count.load(Ordering::Relaxed)
    }

    /// Shares out `count` pieces; returns when all are done.
    fn post(&self, shared: &Shared, count: usize, piece: &(dyn Fn(usize) + Sync)) {
        // SAFETY: only the lifetime changes; see the head of this file.
        let job = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Job>(piece) };
        // SAFETY: the door is shut and nobody is inside, as `Open` left it.
        unsafe { *self.job.get() = Some(job) };
        self.next.store(0, Ordering::Relaxed);
        self.count.store(count, Ordering::Relaxed);
        self.door.fetch_and(!Self::SHUT, Ordering::SeqCst);
        let open = Open(self);
        if shared.has_room() {
            shared.wake((shared.threads - 1).min(count - 1));
        }
        self.take_pieces(piece, || false);
        drop(open);
        assert!(!self.panicked.swap(false, Ordering::AcqRel), "a helper panicked");
    }

    fn take_pieces(&self, piece: &(dyn Fn(usize) + Sync), enough: impl Fn() -> bool) {
        let count = self.count.load(Ordering::Relaxed);
        while !enough() {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            piece(index);
        }
    }

    /// A helper's part in a job: pieces, until there are none or `enough` says so.
    fn join(&self, enough: impl Fn() -> bool) {
        if self.door.fetch_add(1, Ordering::SeqCst) & Self::SHUT == 0 {
            // SAFETY: the door was open when we went in, so a job is posted, and it stays until we
            // have left.
            let job = unsafe { (*self.job.get()).map(|job| &*job) };
            let work = || job.into_iter().for_each(|piece| self.take_pieces(piece, &enough));
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                self.panicked.store(true, Ordering::Release);
            }
        }
        self.door.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A board whose door is open; dropping it shuts the door and waits until everybody has left.
struct Open<'a>(&'a Board);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.door.fetch_or(Board::SHUT, Ordering::SeqCst);
        let mut turns = 0u32;
        while self.0.door.load(Ordering::SeqCst) != Board::SHUT {
            turns += 1;
            if turns.is_multiple_of(1 << 12) {
                // The system may have put the helper off its core.
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many the team counts as working once its helpers have gone. Before, one may be about to
    /// leave a board that it found shut.
    fn at_work_in_the_end(team: Team) -> usize {
        let shared = Arc::clone(&team.shared);
        drop(team);
        shared.working.load(Ordering::SeqCst)
    }

    #[test]
    fn every_piece_is_done_once_whoever_does_it() {
        for threads in 1..=4 {
            let team = Team::new(threads).unwrap();
            for count in [0, 1, 2, 7, 1000] {
                let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                team.run(|| {
                    share(count, |index| {
                        done[index].fetch_add(1, Ordering::Relaxed);
                    })
                });
                assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn many_short_jobs_of_many_leaders() {
        let team = Team::new(3).unwrap();
        thread::scope(|scope| {
            for leader in 0..5usize {
                let team = &team;
                scope.spawn(move || {
                    team.run(|| {
                        for round in 0..2000usize {
                            let mut sums = vec![0usize; 12];
                            share_chunks(&mut sums, 5, |chunk, sums| {
                                sums.iter_mut().for_each(|sum| *sum += leader + round + chunk);
                            });
                            for (at, sum) in sums.iter().enumerate() {
                                assert_eq!(*sum, leader + round + at / 5);
                            }
                        }
                    })
                });
            }
        });
        assert_eq!(at_work_in_the_end(team), 0);
    }

    #[test]
    fn never_more_threads_at_work_than_the_team_has() {
        let team = Team::new(2).unwrap();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let lead = || {
            team.run(|| {
                for _ in 0..20 {
                    share(16, |_| {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::sleep(Duration::from_micros(200));
                        now.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            })
        };
        lead();
        assert_eq!(most.load(Ordering::SeqCst), 2, "a lone leader is helped");
        most.store(0, Ordering::SeqCst);
        thread::scope(|scope| {
            scope.spawn(lead);
            scope.spawn(lead);
        });
        // A helper ends the piece that it has begun when a second leader comes.
        assert!(most.load(Ordering::SeqCst) <= 3);
    }

    #[test]
    fn a_panic_reaches_the_leader_and_leaves_the_team_whole() {
        let team = Team::new(3).unwrap();
        for bad in [0, 5, 63] {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                team.run(|| share(64, |index| assert_ne!(index, bad, "on purpose")));
            }));
            assert!(outcome.is_err());
        }
        let sum = AtomicUsize::new(0);
        team.run(|| {
            share(10, |index| {
                sum.fetch_add(index, Ordering::Relaxed);
            })
        });
        assert_eq!(sum.load(Ordering::Relaxed), 45);
        assert_eq!(at_work_in_the_end(team), 0);
    }

    #[test]
    fn a_piece_that_shares_works_alone() {
        let team = Team::new(2).unwrap();
        let sum = AtomicUsize::new(0);
        team.run(|| {
            share(4, |_| {
                share(4, |index| {
                    sum.fetch_add(index, Ordering::Relaxed);
                })
            })
        });
        assert_eq!(sum.load(Ordering::Relaxed), 24);
    }

    #[test]
    fn helpers_are_dealt_cores_of_their_own() {
        let dealt = |cores: usize, helper, helpers| {
            let mut cores: Vec<usize> = (10..10 + cores).collect();
            deal(&mut cores, helper, helpers);
            cores
        };
        assert_eq!(dealt(1, 0, 1), [10]);
        assert_eq!((dealt(3, 0, 2), dealt(3, 1, 2)), (vec![10, 12], vec![11]));
        assert_eq!(
            (dealt(2, 0, 3), dealt(2, 1, 3), dealt(2, 2, 3)),
            (vec![10], vec![11], vec![10])
        );
        assert!(dealt(0, 0, 2).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_helper_that_slept_is_woken_beside_its_leader() {
        const ROUNDS: usize = 20;
        let team = Team::new(2).unwrap();
        let leader = thread::current().id();
        let mut beside = 0;
        for _ in 0..ROUNDS {
            thread::sleep(Duration::from_millis(2));
            let (led, helped) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
            team.run(|| {
                share(2, |_| {
                    if thread::current().id() == leader {
                        led.store(cores::current(), Ordering::Relaxed);
                        let begun = Instant::now();
                        while helped.load(Ordering::Relaxed) == usize::MAX
                            && begun.elapsed() < Duration::from_secs(1)
                        {}
                    } else {
                        helped.store(cores::current(), Ordering::Relaxed);
                    }
                });
            });
            let (led, helped) = (led.into_inner(), helped.into_inner());
            beside += usize::from(helped != usize::MAX && helped != led);
        }
        // The system may move either meanwhile, where others want the cores too.
        if thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
            assert!(beside > ROUNDS / 2, "beside it in {beside} rounds of {ROUNDS}");
        }
    }

    #[test]
    fn outside_a_team_the_caller_works_alone() {
        let here = thread::current().id();
        share(8, |_| assert_eq!(thread::current().id(), here));
        assert_eq!(threads(), 1);
    }
}
