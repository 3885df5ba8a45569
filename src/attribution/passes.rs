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

/// Passes before it is checked whether there is time for the rest.
const FIRST: usize = 8;

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
    /// the order of indices. At most a few results for each thread are in memory.
    /// The results do not depend on the number of threads.
    ///
    /// # Errors
    /// The first error of `pass` or `take`. [`AttributionError::TooSlow`] after a few passes, if
    /// the token's deadline would pass before the last one.
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
        let mut shortest = start.elapsed();
        let block = if shortest > LONG { 1 } else { ROUNDS * self.engine.threads() };
        let (mut index, mut is_checked) = (1, false);
        while index < count {
            if index >= FIRST && !is_checked {
                self.check_time(count - index, shortest)?;
                is_checked = true;
            }
            let first = index;
            index = count.min(index + block);
            let start = Instant::now();
            let results = match index - first {
                1 => vec![pass(first)],
                several => self.engine.parallel_map(several, |offset| pass(first + offset)),
            };
            shortest = shortest.min(start.elapsed() / (index - first) as u32);
            for (offset, result) in results.into_iter().enumerate() {
                take(first + offset, result?)?;
            }
        }
        Ok(())
    }

    /// Refuses what cannot be done in time, even if every one of `passes` is as short as
    /// `shortest`.
    fn check_time(&self, passes: usize, shortest: Duration) -> Result<(), AttributionError> {
        let needed = shortest.saturating_mul(u32::try_from(passes).unwrap_or(u32::MAX));
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        match self.token.deadline().map(left) {
            Some(left) if left < needed => {
                Err(AttributionError::TooSlow { passes, milliseconds: shortest.as_millis() as u64 })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    fn passes_of(milliseconds: u64, deadline: u64, count: usize) -> (Result<(), String>, u64) {
        let deadline = Instant::now() + Duration::from_millis(deadline);
        let (engine, token) = (Engine::default(), CancellationToken::at(deadline));
        let passes = Passes::new(&engine, &token);
        let pass = |_| {
            sleep(Duration::from_millis(milliseconds));
            Ok(())
        };
        let result = passes.run(count, pass, |_, ()| passes.count(1));
        (result.map_err(|error| error.to_string()), passes.done())
    }

    #[test]
    fn what_cannot_be_done_in_time_is_refused_after_a_few_passes() {
        let (result, done) = passes_of(11, 2000, 1000);
        let error = result.unwrap_err();
        assert!(error.contains("992 further passes of at least 1"), "{error}");
        assert_eq!(done, FIRST as u64);
        assert_eq!(passes_of(11, 60_000, 12), (Ok(()), 12));
    }
}
