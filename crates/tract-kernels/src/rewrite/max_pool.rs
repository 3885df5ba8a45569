use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::cnn::MaxPool;

use super::geometry::geometry;
use super::{GraphRewriter, Match, is_used};
use crate::geometry::Geometry;
use crate::op::MaxPool2d;

/// A max-pool that is still used; a convolution may have been fused with it.
pub(super) struct MaxPoolMatch {
    geometry: Geometry,
}

impl Match for MaxPoolMatch {
    fn find(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let Some(pool) = model.node(id).op_as::<MaxPool>() else { return Ok(None) };
        let fact = model.node_input_facts(id)?[0];
        let is_supported = pool.with_index_outputs.is_none()
            && fact.datum_type == f32::datum_type()
            && is_used(model, id.into());
        let shape = fact.shape.as_concrete().filter(|_| is_supported);
        let geometry = shape.and_then(|shape| geometry(&pool.pool_spec, shape));
        Ok(geometry.map(|geometry| Self { geometry }))
    }

    fn replace(
        self,
        model: &mut TypedModel,
        id: usize,
        rewriter: &GraphRewriter,
    ) -> TractResult<()> {
        let GraphRewriter { isa, ref buffers, .. } = *rewriter;
        let pool = MaxPool2d { isa, geometry: self.geometry, buffers: Arc::clone(buffers) };
        let node = model.node(id);
        TypedModelPatch::replace_single_op(model, node, &node.inputs, pool)?.apply(model)
    }
}
