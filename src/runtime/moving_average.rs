use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A moving average of durations. The newest has the weight 1/8, the previous average 7/8.
#[derive(Debug, Default)]
pub(super) struct MovingAverage {
    nanoseconds: AtomicU64,
}

impl MovingAverage {
    /// Adds a duration. If two threads add at once, one duration may be lost, which hardly changes
    /// the average.
    pub(super) fn add(&self, duration: Duration) {
        let newest = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let mean = match self.nanoseconds.load(Ordering::Relaxed) {
            0 => newest,
            mean => mean - mean / 8 + newest / 8,
        };
        self.nanoseconds.store(mean, Ordering::Relaxed);
    }

    /// The average. Zero before the first duration.
    pub(super) fn mean(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_duration_has_a_weight_of_one_eighth() {
        let average = MovingAverage::default();
        average.add(Duration::from_millis(80));
        assert_eq!(average.mean(), Duration::from_millis(80));
        average.add(Duration::from_millis(160));
        assert_eq!(average.mean(), Duration::from_millis(90));
        (0..100).for_each(|_| average.add(Duration::from_millis(160)));
        assert!(average.mean() > Duration::from_millis(159));
    }
}
