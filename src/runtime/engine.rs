use std::io;
use std::sync::{Arc, OnceLock, Weak};

use tract_kernels::{GraphRewriter, ThreadPool, WeightPrecision, parallel_for, transpose_dense};
use tract_onnx::prelude::{Tensor, TractResult, TypedModel};

use crate::config::{DenseWeights, EngineConfig};

/// How plans are compiled, and the threads that run them. Cloning shares the threads, and the
/// weights that several plans have in common.
#[derive(Debug, Clone)]
pub struct Engine {
    pool: Arc<ThreadPool>,
    rewriter: Option<Arc<GraphRewriter>>,
}

impl Engine {
    /// An engine of `threads`, counting the one that calls it.
    ///
    /// # Errors
    /// The operating system's, when it refuses a thread.
    pub fn start(config: &EngineConfig, threads: usize) -> io::Result<Self> {
        let dense_precision = match config.dense_weights {
            DenseWeights::F32 => WeightPrecision::F32,
            DenseWeights::F16 => WeightPrecision::F16,
        };
        let rewriter = GraphRewriter { dense_precision, ..GraphRewriter::default() };
        let rewriter = config.fast_conv.then(|| Arc::new(rewriter));
        Ok(Self { pool: Arc::new(ThreadPool::new(threads)?), rewriter })
    }

    /// Runs `work` on this thread and, while others have nothing to do, on theirs.
    pub(super) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.pool.run(work)
    }

    /// Calls `work` with every index below `count` and gives the results in order; threads that
    /// have nothing to do help.
    pub fn map<T: Send + Sync>(&self, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let results: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
        self.share(count, |index| {
            results[index].get_or_init(|| work(index));
        });
        results.into_iter().filter_map(OnceLock::into_inner).collect()
    }

    /// Calls `work` with every index below `count`, on this thread and on those that have nothing
    /// to do.
    pub fn share(&self, count: usize, work: impl Fn(usize) + Sync) {
        self.pool.run(|| parallel_for(count, work));
    }

    /// Replaces what can be computed faster than tract does. Gives the weights that were turned for
    /// it, as they were and as they are.
    pub(super) fn accelerate(
        &self,
        model: &mut TypedModel,
    ) -> TractResult<Vec<(Weak<Tensor>, Arc<Tensor>)>> {
        let Some(rewriter) = &self.rewriter else { return Ok(Vec::new()) };
        let transposed = transpose_dense(model)?;
        model.prop_consts()?;
        rewriter.rewrite(model)?;
        Ok(transposed)
    }
}

/// An engine of one thread, with everything fast.
impl Default for Engine {
    fn default() -> Self {
        Self { pool: Arc::new(ThreadPool::single_threaded()), rewriter: Some(Arc::default()) }
    }
}
