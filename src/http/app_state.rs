use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::access::Access;
use super::error::HttpError;
use super::metrics::Metrics;
use super::phase::{CurrentPhase, Phase};
use super::unread_bytes::UnreadBytes;
use crate::config::{HttpLimits, ModelLimits};
use crate::runtime::{CancellationToken, Permit, WorkerPool};
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
    /// Another name of the default model, for KServe's protocols.
    pub model_name: Option<String>,
    /// One permit for each body that may arrive slowly, without a place in the queue.
    pub(super) slow_bodies: Arc<Semaphore>,
    /// The bytes of finished answers that clients have not read yet.
    pub(super) unread: UnreadBytes,
    pub(super) metrics: Metrics,
    phase: CurrentPhase,
}

impl AppState {
    /// The state of a server that is ready and needs no API key.
    #[must_use]
    pub fn new(context: Context, workers: WorkerPool, limits: HttpLimits) -> Self {
        let slow_bodies = Arc::new(Semaphore::new(limits.slow_bodies as usize));
        let (access, metrics) = (Access::default(), Metrics::default());
        Self {
            context,
            workers,
            model_limits: ModelLimits::DEFAULT,
            access,
            model_name: None,
            slow_bodies,
            unread: UnreadBytes::new(limits.unread_bytes),
            limits,
            metrics,
            phase: CurrentPhase::new(Phase::Ready),
        }
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

    /// The same state, in which the default model has another name for KServe's protocols.
    #[must_use]
    pub fn with_model_name(self, model_name: Option<String>) -> Self {
        Self { model_name, ..self }
    }

    /// The same state in `phase`.
    #[must_use]
    pub fn with_phase(self, phase: Phase) -> Self {
        Self { phase: CurrentPhase::new(phase), ..self }
    }

    /// Moves the server forward to `phase`. It never moves back. A server that becomes ready has
    /// loaded its models.
    pub fn advance(&self, phase: Phase) {
        if phase == Phase::Ready {
            self.metrics.models_are_loaded();
        }
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

    /// Takes a place in the queue, if another answer may be computed.
    ///
    /// # Errors
    /// [`HttpError::TooManyUnreadBytes`] and [`HttpError::QueueFull`].
    pub(super) fn admit(&self) -> Result<Permit, HttpError> {
        self.unread.check()?;
        Ok(self.workers.admit()?)
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
