use std::io;
use std::sync::{Arc, OnceLock, Weak};

use tract_kernels::{
    GraphRewriter, SharedMatrix, ThreadPool, WeightPrecision, parallel_for, transpose_dense,
};
use tract_onnx::prelude::{Tensor, TractResult, TypedModel};

use crate::config::{DenseWeights, EngineConfig, ModelLimits};

/// Compiles plans and owns the threads that run them. Clones share the threads, and the weights
/// that several plans have in common.
#[derive(Debug, Clone)]
pub struct Engine {
    pool: Arc<ThreadPool>,
    rewriter: Option<Arc<GraphRewriter>>,
    limits: ModelLimits,
}

impl Engine {
    /// An engine of `threads` threads, including the one that calls it.
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
        Ok(Self { pool: Arc::new(ThreadPool::new(threads)?), rewriter, limits: config.limits })
    }

    /// What a model may cost.
    #[must_use]
    pub fn limits(&self) -> &ModelLimits {
        &self.limits
    }

    /// The number of threads, including the one that calls.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Whether gradient graphs may have the operators of the domain
    /// [`ENGINE_DOMAIN`](crate::onnx::ENGINE_DOMAIN).
    #[must_use]
    pub fn has_own_operators(&self) -> bool {
        self.rewriter.is_some()
    }

    /// Runs `work` on this thread. Idle threads help with its parallel loops.
    pub(super) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.pool.run(work)
    }

    /// Calls `work` with every index below `count`, on this thread and on idle ones, and returns
    /// the results in order.
    pub fn parallel_map<T: Send + Sync>(
        &self,
        count: usize,
        work: impl Fn(usize) -> T + Sync,
    ) -> Vec<T> {
        let results: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
        self.parallel_for(count, |index| {
            results[index].get_or_init(|| work(index));
        });
        results.into_iter().filter_map(OnceLock::into_inner).collect()
    }

    /// Calls `work` with every index below `count`, on this thread and on idle ones.
    pub fn parallel_for(&self, count: usize, work: impl Fn(usize) + Sync) {
        self.pool.run(|| parallel_for(count, work));
    }

    /// Replaces operators of tract by faster ones. Some weights are transposed for that; the result
    /// is a pair for each: the tensor before and after.
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

    /// Replaces operators of tract by faster ones, once its passes have simplified the graph.
    pub(super) fn accelerate_decluttered(&self, model: &mut TypedModel) -> TractResult<()> {
        let rewriter = self.rewriter.as_ref();
        rewriter.map_or(Ok(()), |rewriter| rewriter.rewrite_decluttered(model).map(drop))
    }

    /// The matrix that plans hold for `weights`. None if no plan does.
    pub(super) fn shared_matrix(&self, weights: &Tensor) -> TractResult<Option<SharedMatrix>> {
        self.rewriter.as_ref().map_or(Ok(None), |rewriter| rewriter.weights.find(weights))
    }
}

/// An engine of one thread that uses all fast operators.
impl Default for Engine {
    fn default() -> Self {
        let (pool, rewriter) = (Arc::new(ThreadPool::single_threaded()), Some(Arc::default()));
        Self { pool, rewriter, limits: ModelLimits::DEFAULT }
    }
}
