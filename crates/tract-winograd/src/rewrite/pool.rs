use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::cnn::MaxPool;

use super::Accelerator;
use super::chain::is_asked_for;
use super::window::window;
use crate::op::Maxima;

/// The faster way of node `id`, where that is a max-pool that somebody still reads: a convolution
/// may have taken it along.
pub(super) fn find(
    model: &TypedModel,
    id: usize,
    accelerator: &Accelerator,
) -> TractResult<Option<Maxima>> {
    let node = model.node(id);
    let Some(pool) = node.op_as::<MaxPool>() else { return Ok(None) };
    let fact = model.node_input_facts(id)?[0];
    let plain = pool.with_index_outputs.is_none() && fact.datum_type == f32::datum_type();
    let shape =
        fact.shape.as_concrete().filter(|_| plain && is_asked_for(model, id.into(), |_| false));
    let found = shape.and_then(|shape| window(&pool.pool_spec, shape));
    let Accelerator { isa, ref recycled, .. } = *accelerator;
    Ok(found.map(|(window, size)| Maxima { isa, window, size, recycled: Arc::clone(recycled) }))
}
