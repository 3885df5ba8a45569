use std::fmt;
use std::time::{Duration, Instant};

/// How long each stage of one answer took.
#[derive(Debug, Clone)]
pub struct Stages {
    last: Instant,
    durations: Vec<(&'static str, Duration)>,
}

impl Stages {
    /// Starts the clock.
    #[must_use]
    pub fn start() -> Self {
        Self { last: Instant::now(), durations: Vec::with_capacity(8) }
    }

    /// Inserts stages at the front that ended before this clock was started.
    pub fn precede(&mut self, earlier: &[(&'static str, Duration)]) {
        self.durations.splice(..0, earlier.iter().copied());
    }

    /// Every stage with its time, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.durations.iter().copied()
    }

    /// Ends the stage called `name` and starts the next. A stage that ends several times, such as
    /// once for each picture, has the sum of its times.
    pub fn end(&mut self, name: &'static str) {
        let now = Instant::now();
        let took = now - std::mem::replace(&mut self.last, now);
        *self.duration(name) += took;
    }

    /// The time of the stage called `name` so far.
    fn duration(&mut self, name: &'static str) -> &mut Duration {
        let known = self.durations.iter().position(|(known, _)| *known == name);
        let index = known.unwrap_or_else(|| {
            self.durations.push((name, Duration::ZERO));
            self.durations.len() - 1
        });
        &mut self.durations[index].1
    }

    /// Ends the stage called `name`. Of its time, `duration` is counted for the stage `other`
    /// instead.
    pub fn end_with(&mut self, name: &'static str, other: &'static str, duration: Duration) {
        self.end(name);
        let whole = self.duration(name);
        let duration = duration.min(*whole);
        *whole -= duration;
        *self.duration(other) += duration;
    }
}

/// As the value of a `Server-Timing` header: names and milliseconds.
impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, duration)) in self.durations.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name};dur={:.2}", duration.as_secs_f64() * 1e3)?;
        }
        Ok(())
    }
}
