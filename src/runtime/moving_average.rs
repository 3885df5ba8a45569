use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a piece of work takes lately: a running mean in which the newest counts an eighth.
#[derive(Debug, Default)]
pub(super) struct MovingAverage {
    nanoseconds: AtomicU64,
}

impl MovingAverage {
    /// Takes one more into the mean. Two at once may lose one, which a mean does not mind.
    pub(super) fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let mean = match self.nanoseconds.load(Ordering::Relaxed) {
            0 => took,
            mean => mean - mean / 8 + took / 8,
        };
        self.nanoseconds.store(mean, Ordering::Relaxed);
    }

    /// The mean; zero before the first piece.
    pub(super) fn mean(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_what_is_new() {
        let pace = MovingAverage::default();
        pace.note(Duration::from_millis(80));
        assert_eq!(pace.mean(), Duration::from_millis(80));
        pace.note(Duration::from_millis(160));
        assert_eq!(pace.mean(), Duration::from_millis(90));
        (0..100).for_each(|_| pace.note(Duration::from_millis(160)));
        assert!(pace.mean() > Duration::from_millis(159));
    }
}
