use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Tells running work that nobody waits for it any more.
///
/// Work asks between two nodes of a plan, so it ends within its slowest node.
#[derive(Debug, Clone, Default)]
pub struct CancellationToken {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

/// Why work was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// The caller went away.
    #[error("the caller went away")]
    Cancelled,
    /// The deadline passed.
    #[error("this took longer than a request may; ask for less, or again when there is less to do")]
    DeadlineExceeded,
}

impl CancellationToken {
    /// Never stops by itself; [`CancellationToken::cancel`] still works.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// Stops when `deadline` has passed.
    #[must_use]
    pub fn at(deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..Self::default() }
    }

    /// When it stops by itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Asks the work to end.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// The reason not to.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Interrupted::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() > deadline => Err(Interrupted::DeadlineExceeded),
            _ => Ok(()),
        }
    }
}
