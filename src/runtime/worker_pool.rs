use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout_at;

use super::moving_average::MovingAverage;
use super::{CancellationToken, Interrupted};

/// A computation with its deadline.
struct Task {
    run: Box<dyn FnOnce() + Send>,
    deadline: Option<Instant>,
}

/// The deadline of the job that each worker runs; none where it is idle.
type Deadlines = Arc<[Mutex<Option<Instant>>]>;

/// A fixed set of threads for heavy work, with a bounded queue.
///
/// A [`Permit`] is a place in the queue or at a worker. It is taken before a request's body is
/// read. If a caller goes away while it waits, its place is free at once. Once the work has begun,
/// the place belongs to the computation, not to the connection.
#[derive(Debug)]
pub struct WorkerPool {
    jobs: crossbeam_channel::Sender<Task>,
    /// The free places in the queue and at the workers.
    places: Arc<Semaphore>,
    /// The idle workers. Requests get one in the order in which they asked.
    idle_workers: Arc<Semaphore>,
    deadlines: Deadlines,
    threads: usize,
    queue: usize,
    duration_average: Arc<MovingAverage>,
}

/// A place in the queue or at a worker.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit);

/// Every worker is busy and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every worker is busy and the queue is full; ask again in {} s", .retry_after.as_secs())]
pub struct QueueFull {
    /// The time after which the queue is likely to be empty, in whole seconds.
    pub retry_after: Duration,
}

/// Why a job gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// The job panicked. The worker continues.
    #[error("the work panicked: {0}")]
    Panicked(String),
    /// The deadline passed, in the queue or while the job ran.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The workers have been shut down.
    #[error("the workers have been shut down")]
    Gone,
}

/// How busy the workers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// The number of threads.
    pub workers: usize,
    /// The number of threads that run a job.
    pub busy: usize,
    /// The number of places in the queue.
    pub queue: usize,
    /// The number of requests with a permit that are not at a worker: their body is arriving, or
    /// they wait for a worker.
    pub waiting: usize,
    /// The number of threads that still run a job whose deadline has passed.
    pub stuck: usize,
}

impl WorkerPool {
    /// Starts `threads` workers, with a queue of `queue` places.
    ///
    /// # Errors
    /// The operating system's error if it refuses a thread.
    pub fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        let (jobs, receiver) = crossbeam_channel::unbounded::<Task>();
        let deadlines: Deadlines = (0..threads).map(|_| Mutex::default()).collect();
        for index in 0..threads {
            let (receiver, deadlines) = (receiver.clone(), Arc::clone(&deadlines));
            let set = move |deadline| {
                *deadlines[index].lock().unwrap_or_else(PoisonError::into_inner) = deadline;
            };
            thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                for job in receiver {
                    set(job.deadline);
                    (job.run)();
                    set(None);
                }
            })?;
        }
        let places = Arc::new(Semaphore::new(threads + queue));
        let idle_workers = Arc::new(Semaphore::new(threads));
        let duration_average = Arc::default();
        Ok(Self { jobs, places, idle_workers, deadlines, threads, queue, duration_average })
    }

    /// Takes a place, or fails at once if there is none.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub fn admit(&self) -> Result<Permit, QueueFull> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(Permit).map_err(|_| QueueFull { retry_after: self.retry_after() })
    }

    /// The time after which everything in the queue is likely to be done.
    fn retry_after(&self) -> Duration {
        let rounds = (self.threads + self.queue) as f64 / self.threads as f64;
        let seconds = self.duration_average.mean().as_secs_f64() * rounds;
        Duration::from_secs(seconds.ceil().clamp(1.0, 60.0) as u64)
    }

    /// How busy the workers are now.
    #[must_use]
    pub fn load(&self) -> Load {
        let (workers, queue) = (self.threads, self.queue);
        let busy = workers - self.idle_workers.available_permits();
        let taken = workers + queue - self.places.available_permits();
        let now = Instant::now();
        let is_past = |deadline: &&Mutex<Option<Instant>>| {
            let deadline = *deadline.lock().unwrap_or_else(PoisonError::into_inner);
            deadline.is_some_and(|deadline| deadline < now)
        };
        let stuck = self.deadlines.iter().filter(is_past).count();
        Load { workers, busy, queue, waiting: taken.saturating_sub(busy), stuck }
    }

    /// Runs `work` on a worker. Dropping the returned future tells the work to stop. So does the
    /// deadline of `token`: [`Interrupted::DeadlineExceeded`] is then returned at once, even if the
    /// work has not stopped yet.
    ///
    /// # Errors
    /// [`WorkError`].
    pub async fn run<T: Send + 'static>(
        &self,
        permit: Permit,
        token: CancellationToken,
        work: impl FnOnce(&CancellationToken) -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let guard = token.cancel_on_drop();
        let deadline = token.deadline();
        let answer = self.answer(permit, token, work);
        let answered = match deadline {
            Some(deadline) => timeout_at(deadline.into(), answer)
                .await
                .map_err(|_| Interrupted::DeadlineExceeded)?,
            None => answer.await,
        };
        drop(guard);
        answered
    }

    async fn answer<T: Send + 'static>(
        &self,
        permit: Permit,
        token: CancellationToken,
        work: impl FnOnce(&CancellationToken) -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let worker =
            Arc::clone(&self.idle_workers).acquire_owned().await.map_err(|_| WorkError::Gone)?;
        let (reply, answer) = oneshot::channel();
        let duration_average = Arc::clone(&self.duration_average);
        let deadline = token.deadline();
        let run = move || {
            let begun = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(|| work(&token)));
            duration_average.add(begun.elapsed());
            drop((worker, permit));
            // The caller may have gone away, and then nobody reads the answer.
            let _ = reply.send(result);
        };
        self.jobs.send(Task { run: Box::new(run), deadline }).map_err(|_| WorkError::Gone)?;
        let result = answer.await.map_err(|_| WorkError::Gone)?;
        result.map_err(|panic| WorkError::Panicked(message(panic.as_ref())))
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no message".to_owned())
}
