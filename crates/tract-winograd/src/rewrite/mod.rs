//! Finds what can be computed faster, and puts it into a model.

mod chain;
mod constants;
mod conv;
mod dense;
mod pool;
mod sums;
mod turn;
mod window;

use std::sync::Arc;

use tract_core::internal::*;

use self::conv::ConvFound;
use self::dense::DenseFound;
pub use self::turn::turn_dense;
use crate::matrix::{Storage, Weights};
use crate::recycled::Recycled;
use crate::simd::Isa;

/// Replaces what this crate computes faster than tract.
#[derive(Debug, Default)]
pub struct Accelerator {
    /// The instructions that the replacements use.
    pub isa: Isa,
    /// How the weights of dense layers are stored.
    pub dense: Storage,
    /// The weights of dense layers that all models changed by this accelerator have in common: a
    /// layer's backward product reads the forward weights.
    pub weights: Weights,
    /// The memory of values that the models changed by this accelerator use again.
    pub recycled: Arc<Recycled>,
}

impl Accelerator {
    /// Replaces the float32 convolutions of `model`, and fuses what follows them: batch norm,
    /// addition, ReLU and other clipping, 2×2 max-pooling. Values that are asked for on the way, by
    /// another node or as an output of the model, stay there. Products of one vector by a constant
    /// matrix, dense layers, and other max-pools are replaced as well; where all that is wanted of
    /// a product are sums over its elements, the weights are summed instead, once. What this crate
    /// has no faster way for is left alone.
    ///
    /// `model` must not have been decluttered, since that takes convolutions apart; its constants
    /// should have been propagated ([`TypedModel::prop_consts`]) and its input shapes set. Called
    /// within [`Team::run`](crate::Team::run), all threads of the team prepare the weights.
    ///
    /// Gives the number of nodes replaced.
    ///
    /// # Errors
    /// tract's, where the model contradicts itself.
    pub fn accelerate(&self, model: &mut TypedModel) -> TractResult<usize> {
        let mut replaced = 0;
        for id in model.eval_order()? {
            if let Some(found) = ConvFound::at(model, id)? {
                found.replace(model, id, self)?;
                replaced += 1;
            } else if let Some(found) = DenseFound::at(model, id)? {
                found.replace(model, id, self)?;
                replaced += 1;
            } else if let Some(maxima) = pool::find(model, id, self)? {
                let node = model.node(id);
                TypedModelPatch::replace_single_op(model, node, &node.inputs, maxima)?
                    .apply(model)?;
                replaced += 1;
            }
        }
        Ok(replaced)
    }
}

/// Leaves of `model` what `outputs` need: neither the nodes beside it are kept, nor the values that
/// the operators of this crate would give on the way and nobody reads. The weights stay shared with
/// the model of which this is a clone.
///
/// # Errors
/// tract's, where the model contradicts itself.
pub fn narrow(model: &mut TypedModel, outputs: &[OutletId]) -> TractResult<()> {
    model.select_output_outlets(outputs)?;
    model.compact()?;
    model.eval_order()?.into_iter().try_for_each(|id| conv::leave_unread(model, id))
}
