use std::io;
use std::sync::Arc;

use tract_onnx::prelude::{TractResult, TypedModel};
use tract_winograd::{Isa, Team, accelerate};

use crate::config::{EngineConfig, Switch};

/// How plans are compiled, and the threads that run them. Cloning shares the threads.
#[derive(Debug, Clone)]
pub struct Engine {
    team: Arc<Team>,
    fast_convolutions: bool,
}

impl Engine {
    /// An engine of `threads`, counting the one that calls it.
    ///
    /// # Errors
    /// The operating system's, when it refuses a thread.
    pub fn start(config: &EngineConfig, threads: usize) -> io::Result<Self> {
        let team = Arc::new(Team::new(threads)?);
        Ok(Self { team, fast_convolutions: config.fast_conv == Switch::On })
    }

    /// Runs `work` on this thread and, while others have nothing to do, on theirs.
    pub(super) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.team.run(work)
    }

    /// Replaces what can be computed faster than tract does.
    pub(super) fn accelerate(&self, model: &mut TypedModel) -> TractResult<()> {
        if self.fast_convolutions {
            model.prop_consts()?;
            accelerate(model, Isa::best())?;
        }
        Ok(())
    }
}

/// An engine of one thread, with fast convolutions.
impl Default for Engine {
    fn default() -> Self {
        Self { team: Arc::new(Team::alone()), fast_convolutions: true }
    }
}
