use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::HttpError;
use super::access::Access;
use super::metrics::Metrics;
use super::phase::{CurrentPhase, Phase};
use crate::config::HttpLimits;
use crate::runtime::{CancellationToken, WorkerPool};
use crate::service::Context;

/// What every request shares.
#[derive(Debug)]
pub struct AppState {
    /// What every use case works with.
    pub context: Context,
    /// The threads that do the work.
    pub workers: WorkerPool,
    /// What a connection and its requests may take.
    pub limits: HttpLimits,
    /// Who may ask.
    pub access: Access,
    /// Bodies that may still arrive without a place in the queue.
    pub(super) slow_bodies: Arc<Semaphore>,
    pub(super) metrics: Metrics,
    phase: CurrentPhase,
}

impl AppState {
    /// Ready to serve what lies on the context, to everybody.
    #[must_use]
    pub fn new(context: Context, workers: WorkerPool, limits: HttpLimits) -> Self {
        Self::starting(context, workers, limits, Access::default(), Phase::Ready)
    }

    /// The same in any phase, with conditions.
    #[must_use]
    pub fn starting(
        context: Context,
        workers: WorkerPool,
        limits: HttpLimits,
        access: Access,
        phase: Phase,
    ) -> Self {
        let slow_bodies = Arc::new(Semaphore::new(limits.slow_bodies as usize));
        let (metrics, phase) = (Metrics::default(), CurrentPhase::new(phase));
        Self { context, workers, limits, access, slow_bodies, metrics, phase }
    }

    /// Goes on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        self.phase.advance(phase);
    }

    /// Where the server is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Notes how renewing the models went, for `GET /metrics`.
    pub fn note_reload(&self, went_well: bool) {
        self.metrics.reloads(went_well);
    }

    /// When a request that comes now has taken too long.
    pub(super) fn deadline(&self) -> CancellationToken {
        CancellationToken::at(Instant::now() + self.limits.request_timeout.duration())
    }

    /// Whether every model has run, and the end has not begun.
    ///
    /// # Errors
    /// [`HttpError::Loading`] and [`HttpError::Draining`].
    pub(super) fn ready(&self) -> Result<(), HttpError> {
        match self.phase() {
            Phase::Loading => Err(HttpError::Loading),
            Phase::Ready => Ok(()),
            Phase::Draining => Err(HttpError::Draining),
        }
    }

    /// Whether requests for models can be answered.
    ///
    /// # Errors
    /// [`HttpError::Loading`].
    pub(super) fn loaded(&self) -> Result<(), HttpError> {
        match self.phase() {
            Phase::Loading => Err(HttpError::Loading),
            Phase::Ready | Phase::Draining => Ok(()),
        }
    }
}
