use std::sync::{Arc, OnceLock};

use super::problem::{Cause, Problem};
use crate::service::Stages;

/// How an answer ended, as log, metrics and traces report it.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    /// How long each stage took.
    pub(super) stages: Option<Stages>,
    /// The code of the problem, where there is one.
    pub(super) code: Option<&'static str>,
    /// What caused the problem, where there is one.
    pub(super) cause: Option<Cause>,
    /// The model that answered.
    pub(super) model: Option<String>,
}

impl Outcome {
    /// The outcome of an answer that is `problem`.
    pub(super) fn of_problem(problem: &Problem) -> Self {
        Self { code: Some(problem.code), cause: Some(problem.cause), ..Self::default() }
    }
}

/// Response extension: the outcome of an answer that is sent while it is computed.
#[derive(Debug, Clone, Default)]
pub(super) struct PendingOutcome(Arc<OnceLock<Outcome>>);

impl PendingOutcome {
    /// Sets the outcome. The first call counts.
    pub(super) fn set(&self, outcome: Outcome) {
        let _ = self.0.set(outcome);
    }

    /// The outcome, once it is known.
    pub(super) fn get(&self) -> Option<&Outcome> {
        self.0.get()
    }
}
