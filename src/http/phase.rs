use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The models are being loaded.
    Loading,
    /// Every model has run.
    Ready,
    /// It answers what has come, and wants nothing more.
    Draining,
}

/// The phase that all requests see.
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

    /// Goes on to `phase`; never back, so that what is loaded late does not end the draining.
    pub(super) fn advance(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::Relaxed);
    }
}
