use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken as Cancelled, DropGuard};

/// Tells running work to stop, and reports its progress.
///
/// A caller cancels the token, or its deadline passes. A plan checks the token before every node,
/// so work stops when the running node is done. Clones share cancellation and progress.
#[derive(Debug, Clone, Default)]
pub struct CancellationToken {
    cancelled: Cancelled,
    deadline: Option<Instant>,
    progress: Option<Arc<watch::Sender<Progress>>>,
    previews: Option<Arc<watch::Sender<String>>>,
}

/// The progress of a computation, in passes through a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Passes that are done.
    pub done: u64,
    /// Passes that were announced. Zero before anything is known.
    pub total: u64,
}

/// Why work was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// The caller went away.
    #[error("the caller went away")]
    Cancelled,
    /// The deadline passed.
    #[error(
        "this took longer than a request may take; ask for less, or try again when the server is \
         less busy"
    )]
    DeadlineExceeded,
}

impl CancellationToken {
    /// A token without a deadline.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// A token that stops the work when `deadline` has passed.
    #[must_use]
    pub fn at(deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..Self::default() }
    }

    /// The same token, and a receiver that sees every change of the progress.
    #[must_use]
    pub fn with_progress(mut self) -> (Self, watch::Receiver<Progress>) {
        let (sender, receiver) = watch::channel(Progress::default());
        self.progress = Some(Arc::new(sender));
        (self, receiver)
    }

    /// The same token, and a receiver of the latest preview, as JSON.
    #[must_use]
    pub fn with_previews(mut self) -> (Self, watch::Receiver<String>) {
        let (sender, receiver) = watch::channel(String::new());
        self.previews = Some(Arc::new(sender));
        (self, receiver)
    }

    /// Whether someone waits for previews.
    #[must_use]
    pub fn wants_previews(&self) -> bool {
        self.previews.is_some()
    }

    /// Sends the result as far as it is computed, as JSON, in place of an earlier one.
    pub fn preview(&self, json: String) {
        if let Some(sender) = &self.previews {
            sender.send_replace(json);
        }
    }

    /// The time at which the work must stop. `None` without a deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Asks the work to end.
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// A guard that cancels the work when it is dropped.
    #[must_use]
    pub fn cancel_on_drop(&self) -> DropGuard {
        self.cancelled.clone().drop_guard()
    }

    /// Whether the work may continue.
    ///
    /// # Errors
    /// The reason why it must stop.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.cancelled.is_cancelled() {
            return Err(Interrupted::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() > deadline => Err(Interrupted::DeadlineExceeded),
            _ => Ok(()),
        }
    }

    /// Announces `passes` further passes.
    pub fn announce(&self, passes: u64) {
        self.update(|progress| progress.total += passes);
    }

    /// Counts one pass as done.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn tick(&self) -> Result<(), Interrupted> {
        self.advance(1)
    }

    /// Counts `passes` passes as done.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn advance(&self, passes: u64) -> Result<(), Interrupted> {
        self.update(|progress| progress.done += passes);
        self.check()
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        if let Some(sender) = &self.progress {
            sender.send_modify(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn clones_share_cancellation_and_progress() {
        let (token, receiver) = CancellationToken::never().with_progress();
        let clone = token.clone();
        clone.announce(3);
        assert_eq!(clone.tick(), Ok(()));
        assert_eq!(*receiver.borrow(), Progress { done: 1, total: 3 });
        drop(clone.cancel_on_drop());
        assert_eq!(token.tick(), Err(Interrupted::Cancelled));
        assert_eq!(receiver.borrow().done, 2);
    }

    #[test]
    fn a_deadline_that_has_passed_stops_the_work() {
        let passed = Instant::now().checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(CancellationToken::at(passed).check(), Err(Interrupted::DeadlineExceeded));
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(CancellationToken::at(later).check(), Ok(()));
    }
}
