use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::access::Access;
use super::error::HttpError;
use super::metrics::Metrics;
use super::phase::{CurrentPhase, Phase};
use crate::config::{HttpLimits, ModelLimits};
use crate::runtime::{CancellationToken, WorkerPool};
use crate::service::Context;

/// What all requests share.
#[derive(Debug)]
pub struct AppState {
    /// The models, the forward cache and the limits of answers.
    pub context: Context,
    /// The threads that compute answers.
    pub workers: WorkerPool,
    /// The limits of connections and requests.
    pub limits: HttpLimits,
    /// What a model may cost.
    pub model_limits: ModelLimits,
    /// The API keys and the allowed origins.
    pub access: Access,
    /// One permit for each body that may arrive slowly, without a place in the queue.
    pub(super) slow_bodies: Arc<Semaphore>,
    pub(super) metrics: Metrics,
    phase: CurrentPhase,
}

impl AppState {
    /// The state of a server that is ready and needs no API key.
    #[must_use]
    pub fn new(context: Context, workers: WorkerPool, limits: HttpLimits) -> Self {
        let slow_bodies = Arc::new(Semaphore::new(limits.slow_bodies as usize));
        let (access, metrics) = (Access::default(), Metrics::default());
        let (phase, model_limits) = (CurrentPhase::new(Phase::Ready), ModelLimits::DEFAULT);
        Self { context, workers, limits, model_limits, access, slow_bodies, metrics, phase }
    }

    /// The same state for models that were loaded with `model_limits`.
    #[must_use]
    pub fn with_model_limits(self, model_limits: ModelLimits) -> Self {
        Self { model_limits, ..self }
    }

    /// The same state with `access`.
    #[must_use]
    pub fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// The same state in `phase`.
    #[must_use]
    pub fn with_phase(self, phase: Phase) -> Self {
        Self { phase: CurrentPhase::new(phase), ..self }
    }

    /// Moves the server forward to `phase`. It never moves back.
    pub fn advance(&self, phase: Phase) {
        self.phase.advance(phase);
    }

    /// The current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Counts a reload of the models for `GET /metrics`. It is complete when no model was refused.
    pub fn count_reload(&self, is_complete: bool) {
        self.metrics.count_reload(is_complete);
    }

    /// A token whose deadline is that of a request that arrives now.
    pub(super) fn cancellation_token(&self) -> CancellationToken {
        CancellationToken::at(Instant::now() + self.limits.request_timeout.duration())
    }

    /// Whether the server is ready for new requests.
    ///
    /// # Errors
    /// [`HttpError::Loading`] and [`HttpError::Draining`].
    pub(super) fn require_ready(&self) -> Result<(), HttpError> {
        match self.phase() {
            Phase::Loading => Err(HttpError::Loading),
            Phase::Ready => Ok(()),
            Phase::Draining => Err(HttpError::Draining),
        }
    }

    /// Whether the models are loaded. They still answer while the server drains.
    ///
    /// # Errors
    /// [`HttpError::Loading`].
    pub(super) fn require_loaded(&self) -> Result<(), HttpError> {
        match self.phase() {
            Phase::Loading => Err(HttpError::Loading),
            Phase::Ready | Phase::Draining => Ok(()),
        }
    }
}
