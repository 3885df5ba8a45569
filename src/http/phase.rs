use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;

/// The phases of a server's life, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The models are being loaded.
    Loading,
    /// Every model is loaded and has passed its warm-up.
    Ready,
    /// The server finishes the requests in progress before it stops.
    Draining,
}

/// The current phase, shared by all requests.
#[derive(Debug)]
pub(super) struct CurrentPhase(AtomicU8);

impl CurrentPhase {
    pub(super) fn new(phase: Phase) -> Self {
        Self(AtomicU8::new(phase as u8))
    }

    pub(super) fn get(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Loading,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Moves forward to `phase`. It never moves back: models that are loaded late do not end the
    /// draining.
    pub(super) fn advance(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::Relaxed);
    }
}
