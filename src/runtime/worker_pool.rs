use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout_at;

use super::moving_average::MovingAverage;
use super::{CancellationToken, Interrupted};

type Job = Box<dyn FnOnce() + Send>;

/// A fixed set of threads for heavy work, with a bounded queue before them.
///
/// A [`Permit`] is a place in the queue or at a worker; it is taken before a request's body is
/// read. A caller who goes away while it waits frees its place at once; once the work has begun,
/// the place belongs to the computation, not to the connection.
#[derive(Debug)]
pub struct WorkerPool {
    jobs: crossbeam_channel::Sender<Job>,
    /// In the queue or at a worker.
    places: Arc<Semaphore>,
    /// At a worker, in the order of asking.
    seats: Arc<Semaphore>,
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
    /// When the queue is likely to have been worked off, in whole seconds.
    pub retry_after: Duration,
}

/// Why a job gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// The job panicked; the worker lives on.
    #[error("the work panicked: {0}")]
    Panicked(String),
    /// The deadline passed, in the queue or at work.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The workers have been shut down.
    #[error("the workers have been shut down")]
    Gone,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Threads.
    pub workers: usize,
    /// Threads at work.
    pub busy: usize,
    /// Places in the queue.
    pub queue: usize,
    /// Places taken: requests whose body arrives, or that wait for a worker.
    pub waiting: usize,
}

impl WorkerPool {
    /// Starts `threads` workers with `queue` places before them.
    ///
    /// # Errors
    /// The operating system's, when it refuses a thread.
    pub fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        let (jobs, inbox) = crossbeam_channel::unbounded::<Job>();
        for index in 0..threads {
            let inbox = inbox.clone();
            thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                for job in inbox {
                    job();
                }
            })?;
        }
        let places = Arc::new(Semaphore::new(threads + queue));
        let seats = Arc::new(Semaphore::new(threads));
        Ok(Self { jobs, places, seats, threads, queue, duration_average: Arc::default() })
    }

    /// Takes a place, or says at once that there is none.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub fn admit(&self) -> Result<Permit, QueueFull> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(Permit).map_err(|_| QueueFull { retry_after: self.retry_after() })
    }

    /// The time after which everything that is queued now has likely been done.
    fn retry_after(&self) -> Duration {
        let rounds = (self.threads + self.queue) as f64 / self.threads as f64;
        let seconds = self.duration_average.mean().as_secs_f64() * rounds;
        Duration::from_secs(seconds.ceil().clamp(1.0, 60.0) as u64)
    }

    /// How much there is to do at this moment.
    #[must_use]
    pub fn load(&self) -> Load {
        let (workers, queue) = (self.threads, self.queue);
        let busy = workers - self.seats.available_permits();
        let taken = workers + queue - self.places.available_permits();
        Load { workers, busy, queue, waiting: taken.saturating_sub(busy) }
    }

    /// Runs `work` on a worker. Dropping the returned future tells the work to token, as does the
    /// deadline of `token`: the answer then is that it passed, whatever the work is still at.
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
        let seat = Arc::clone(&self.seats).acquire_owned().await.map_err(|_| WorkError::Gone)?;
        let (reply, answer) = oneshot::channel();
        let duration_average = Arc::clone(&self.duration_average);
        let job = move || {
            let begun = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(|| work(&token)));
            duration_average.note(begun.elapsed());
            drop((seat, permit));
            // The caller may have gone away, and then nobody reads the answer.
            let _ = reply.send(result);
        };
        self.jobs.send(Box::new(job)).map_err(|_| WorkError::Gone)?;
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
