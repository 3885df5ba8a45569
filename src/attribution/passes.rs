use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::AttributionError;
use crate::runtime::{CancellationToken, Engine};

/// Runs the passes of methods through a network: on all threads, counted, and stopped by the token
/// between two of them.
#[derive(Debug)]
pub struct Passes<'a> {
    engine: &'a Engine,
    token: &'a CancellationToken,
    done: AtomicU64,
}

/// A pass that takes longer has all threads. Of shorter ones each thread has its own, because
/// their operators are too small to be shared.
const LONG: Duration = Duration::from_millis(10);

/// Short passes of each thread between two points at which their results are taken, in order.
const ROUNDS: usize = 4;

impl<'a> Passes<'a> {
    /// No passes yet.
    #[must_use]
    pub fn new(engine: &'a Engine, token: &'a CancellationToken) -> Self {
        Self { engine, token, done: AtomicU64::new(0) }
    }

    /// The token that stops the passes.
    #[must_use]
    pub fn token(&self) -> &'a CancellationToken {
        self.token
    }

    /// The number of passes that are done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Counts `passes` passes as done.
    ///
    /// # Errors
    /// An interruption where the token has been cancelled.
    pub(super) fn count(&self, passes: u64) -> Result<(), AttributionError> {
        self.done.fetch_add(passes, Ordering::Relaxed);
        Ok(self.token.advance(passes)?)
    }

    /// Calls `pass` with every index below `count`, on all threads, and `take` with the results, in
    /// the order of indices. At most a few results for each thread are in memory. The results do
    /// not depend on the number of threads.
    ///
    /// # Errors
    /// The first error of `pass` or `take`.
    pub(super) fn run<T: Send + Sync>(
        &self,
        count: usize,
        pass: impl Fn(usize) -> Result<T, AttributionError> + Sync,
        mut take: impl FnMut(usize, T) -> Result<(), AttributionError>,
    ) -> Result<(), AttributionError> {
        if count == 0 {
            return Ok(());
        }
        let start = Instant::now();
        take(0, pass(0)?)?;
        let is_long = start.elapsed() > LONG;
        let block = if is_long { 1 } else { ROUNDS * self.engine.threads() };
        let mut index = 1;
        while index < count {
            let first = index;
            index = count.min(index + block);
            if index - first == 1 {
                take(first, pass(first)?)?;
                continue;
            }
            let results = self.engine.parallel_map(index - first, |offset| pass(first + offset));
            for (offset, result) in results.into_iter().enumerate() {
                take(first + offset, result?)?;
            }
        }
        Ok(())
    }
}
