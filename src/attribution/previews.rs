use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{AttributionError, Map};

/// The shortest time between two previews, and until the first.
const INTERVAL: Duration = Duration::from_millis(250);

/// Shows a map while it is computed, a few times a second at most.
pub struct Previews<'a> {
    show: &'a (dyn Fn(&Map) + Sync),
    last: Mutex<Instant>,
}

impl<'a> Previews<'a> {
    /// Previews that are passed to `show`.
    #[must_use]
    pub fn new(show: &'a (dyn Fn(&Map) + Sync)) -> Self {
        Self { show, last: Mutex::new(Instant::now()) }
    }

    /// Shows the map as it is now, unless the last preview is recent. A map that cannot be had yet
    /// is left out.
    pub(super) fn offer(&self, map: &dyn Fn() -> Result<Map, AttributionError>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= INTERVAL {
            if let Ok(map) = map() {
                (self.show)(&map);
            }
            *last = Instant::now();
        }
    }
}

impl fmt::Debug for Previews<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Previews").field("last", &self.last).finish_non_exhaustive()
    }
}
