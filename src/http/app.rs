use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::config::HttpLimits;
use crate::runtime::{Stop, Workers};
use crate::service::Desk;

/// What every request shares.
#[derive(Debug)]
pub struct App {
    /// What every use case works with.
    pub desk: Desk,
    /// The threads that do the work.
    pub workers: Workers,
    /// What a connection and its requests may take.
    pub limits: HttpLimits,
    /// Bodies that may still arrive without a place in the queue.
    pub(super) slow_bodies: Arc<Semaphore>,
}

impl App {
    /// Ready to serve what lies on the desk.
    #[must_use]
    pub fn new(desk: Desk, workers: Workers, limits: HttpLimits) -> Self {
        let slow_bodies = Arc::new(Semaphore::new(limits.slow_bodies as usize));
        Self { desk, workers, limits, slow_bodies }
    }

    /// When a request that comes now has taken too long.
    pub(super) fn deadline(&self) -> Stop {
        Stop::at(Instant::now() + self.limits.request_timeout.duration())
    }
}
