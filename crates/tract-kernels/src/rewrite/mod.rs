//! The graph rewrite: finds operators for which this crate has faster ones, and replaces them.

mod constants;
mod conv;
mod dense;
mod fusion;
mod geometry;
mod max_pool;
mod product;
mod prune;
mod reduce_sum;
mod transpose_dense;

use std::sync::Arc;

use tract_core::internal::*;

use self::conv::ConvMatch;
use self::dense::DenseMatch;
use self::max_pool::MaxPoolMatch;
use self::product::ProductMatch;
pub use self::prune::prune;
pub use self::transpose_dense::transpose_dense;
use crate::buffer_pool::BufferPool;
use crate::op::{MaxPoolGradient, ReluGradient};
use crate::simd::Isa;
use crate::weight_cache::WeightCache;
use crate::weight_matrix::WeightPrecision;

/// Replaces operators of tract models by the faster ones of this crate.
#[derive(Debug, Default)]
pub struct GraphRewriter {
    /// The instruction set of the new operators.
    pub isa: Isa,
    /// The precision of the weights of dense layers.
    pub dense_precision: WeightPrecision,
    /// The weights of dense layers that the rewritten models share. A layer's backward product
    /// reads the forward weights.
    pub weights: WeightCache,
    /// The memory that the rewritten models reuse for their values.
    pub buffers: Arc<BufferPool>,
}

/// A node that can be replaced, with the nodes around it.
trait Match: Sized {
    /// The match at node `id`, if there is one.
    fn find(model: &TypedModel, id: usize) -> TractResult<Option<Self>>;

    /// Replaces node `id`, where this match was found, and the nodes that are fused with it.
    fn replace(
        self,
        model: &mut TypedModel,
        id: usize,
        rewriter: &GraphRewriter,
    ) -> TractResult<()>;
}

impl GraphRewriter {
    /// Rewrites `model` and returns the number of nodes that were replaced:
    ///
    /// - float32 convolutions, fused with what follows them: batch norm, addition, ReLU and other
    ///   clipping, 2×2 max-pooling. Intermediate values that another node reads, or that are an
    ///   output of the model, remain available.
    /// - Dense layers, which are products of one vector and a constant matrix. Where a model uses
    ///   only sums over the elements of a product, the weights are summed instead, once.
    /// - Other max-pools.
    ///
    /// Everything for which this crate has no faster operator stays as it is.
    ///
    /// `model` must not have been decluttered, because that splits convolutions into other
    /// operators. Its constants should have been propagated ([`TypedModel::prop_consts`]) and its
    /// input shapes set. Within [`ThreadPool::run`](crate::ThreadPool::run), all threads of the
    /// pool pack the weights.
    ///
    /// # Errors
    /// tract's error for an inconsistent model.
    pub fn rewrite(&self, model: &mut TypedModel) -> TractResult<usize> {
        let mut replaced = 0;
        for id in model.eval_order()? {
            self.share_buffers(model, id);
            let is_replaced = self.replace::<ConvMatch>(model, id)?
                || self.replace::<DenseMatch>(model, id)?
                || self.replace::<MaxPoolMatch>(model, id)?;
            replaced += usize::from(is_replaced);
        }
        Ok(replaced)
    }

    /// Rewrites a `model` that has been decluttered and returns the number of nodes that were
    /// replaced: products of two matrices, fused with the addition of a bias and of a residual.
    /// tract's declutter passes move transposed axes into the products.
    ///
    /// # Errors
    /// tract's error for an inconsistent model.
    pub fn rewrite_decluttered(&self, model: &mut TypedModel) -> TractResult<usize> {
        let mut replaced = 0;
        for id in model.eval_order()? {
            replaced += usize::from(self.replace::<ProductMatch>(model, id)?);
        }
        Ok(replaced)
    }

    /// Gives an operator of this crate that stands in `model` already the memory that all reuse.
    fn share_buffers(&self, model: &mut TypedModel, id: usize) {
        let node = &mut model.nodes[id];
        if let Some(op) = node.op_as_mut::<MaxPoolGradient>() {
            op.buffers = Arc::clone(&self.buffers);
        } else if let Some(op) = node.op_as_mut::<ReluGradient>() {
            op.buffers = Arc::clone(&self.buffers);
        }
    }

    /// Replaces node `id` where it matches; tells whether it did.
    fn replace<M: Match>(&self, model: &mut TypedModel, id: usize) -> TractResult<bool> {
        let Some(found) = M::find(model, id)? else { return Ok(false) };
        found.replace(model, id, self)?;
        Ok(true)
    }
}

/// Whether `outlet` is an output of the model or is read by a node that is not `inside`.
fn is_used_outside(model: &TypedModel, outlet: OutletId, inside: impl Fn(usize) -> bool) -> bool {
    let successors = &model.node(outlet.node).outputs[outlet.slot].successors;
    model.outputs.contains(&outlet) || successors.iter().any(|inlet| !inside(inlet.node))
}

/// Whether `outlet` is an output of the model or is read by any node.
fn is_used(model: &TypedModel, outlet: OutletId) -> bool {
    is_used_outside(model, outlet, |_| false)
}
