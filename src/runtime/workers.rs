use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::Stop;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed set of threads for heavy work, with a bounded queue before them.
///
/// A [`Permit`] is a place in the queue or at a worker; it is taken before a request's body is
/// read and belongs to the computation from then on, not to the connection.
#[derive(Debug)]
pub struct Workers {
    jobs: crossbeam_channel::Sender<Job>,
    places: Arc<Semaphore>,
}

/// A place in the queue or at a worker.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit);

/// Every worker is busy and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every worker is busy and the queue is full; ask again in a moment")]
pub struct Busy;

/// Why a job gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// The job panicked; the worker lives on.
    #[error("the work panicked: {0}")]
    Panicked(String),
    /// The workers have been shut down.
    #[error("the workers have been shut down")]
    Gone,
}

impl Workers {
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
        Ok(Self { jobs, places: Arc::new(Semaphore::new(threads + queue)) })
    }

    /// Takes a place, or says at once that there is none.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn admit(&self) -> Result<Permit, Busy> {
        Arc::clone(&self.places).try_acquire_owned().map(Permit).map_err(|_| Busy)
    }

    /// Runs `work` on a worker. Dropping the returned future tells the work to stop.
    ///
    /// # Errors
    /// [`WorkError`].
    pub async fn run<T: Send + 'static>(
        &self,
        permit: Permit,
        stop: Stop,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let (reply, answer) = oneshot::channel();
        let gone = StopOnDrop(stop.clone());
        let job = move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&stop)));
            drop(permit);
            // The caller may have gone away, and then nobody reads the answer.
            let _ = reply.send(result);
        };
        self.jobs.send(Box::new(job)).map_err(|_| WorkError::Gone)?;
        let result = answer.await.map_err(|_| WorkError::Gone)?;
        drop(gone);
        result.map_err(|panic| WorkError::Panicked(message(panic.as_ref())))
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no message".to_owned())
}
