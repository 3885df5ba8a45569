use super::Stages;
use crate::runtime::CancellationToken;

/// One request while it is computed: the token that can stop it, and the time that each stage took.
#[derive(Debug, Clone)]
pub struct Job {
    /// Stops the computation and receives its progress.
    pub token: CancellationToken,
    /// How long each stage took.
    pub stages: Stages,
}

impl Job {
    /// Starts the clock.
    #[must_use]
    pub fn new(token: CancellationToken) -> Self {
        Self { token, stages: Stages::start() }
    }
}
