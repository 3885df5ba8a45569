use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;

use super::reduce_sum::ReduceSum;
use super::{GraphRewriter, Match};
use crate::op::Dense;
use crate::weight_matrix::{WeightMatrix, WeightPrecision};

/// The least number of weights of a layer. One thread finishes a smaller product before it could
/// wake others.
const MIN_WEIGHTS: usize = 1 << 16;

/// The most vectors. A product with more is one of two matrices; its weights are not shared.
const MAX_VECTORS: usize = 32;

/// A product of a constant matrix and one vector, or a few that are the rows of a matrix.
pub(super) struct DenseMatch {
    pub(super) vector: OutletId,
    pub(super) weights: Arc<Tensor>,
    /// Rows and columns of the matrix as it is stored.
    pub(super) size: [usize; 2],
    /// Whether each output is the product with a row; otherwise with a column.
    pub(super) by_rows: bool,
    output: TVec<usize>,
    /// The number of vectors.
    vectors: usize,
}

impl DenseMatch {
    /// The match of a product whose input `slot` is the matrix.
    fn with_weights(
        model: &TypedModel,
        node: &TypedNode,
        product: &EinSum,
        slot: usize,
    ) -> TractResult<Option<Self>> {
        let facts = model.node_input_facts(node.id)?;
        let (matrix, vector) = (facts[slot], facts[1 - slot]);
        let shapes = (vector.shape.as_concrete(), node.outputs[0].fact.shape.as_concrete());
        let (Some(weights), (Some(input), Some(output))) = (matrix.konst.clone(), shapes) else {
            return Ok(None);
        };
        let is_float = |fact: &TypedFact| fact.datum_type == f32::datum_type();
        let dims = weights.shape();
        let axes: Vec<usize> = (0..dims.len()).filter(|&axis| dims[axis] > 1).collect();
        let &[first, second] = axes.as_slice() else { return Ok(None) };
        if weights.len() < MIN_WEIGHTS || !is_float(matrix) || !is_float(vector) {
            return Ok(None);
        }
        // One axis of the matrix belongs to the vector, the other one to the outputs.
        let is_summed = |axis: usize| -> TractResult<Option<bool>> {
            let axis = product.axes.axis((InOut::In(slot), axis))?;
            Ok(match (axis.inputs[1 - slot].len(), axis.outputs[0].len()) {
                (1, 0) => Some(true),
                (0, 1) => Some(false),
                _ => None,
            })
        };
        let size = [dims[first], dims[second]];
        let by_rows = match (is_summed(first)?, is_summed(second)?) {
            (Some(false), Some(true)) => true,
            (Some(true), Some(false)) => false,
            _ => return Ok(None),
        };
        let [outputs, inputs] = if by_rows { size } else { [size[1], size[0]] };
        let is_one_vector = input.iter().product::<usize>() == inputs
            && output.iter().product::<usize>() == outputs;
        let vectors = match (input, output) {
            _ if is_one_vector => 1,
            // The axes have this order: in another one, both would not have these extents unless
            // the extents are equal, and then the axes themselves are compared.
            (&[vectors, length], &[count, products])
                if vectors <= MAX_VECTORS
                    && (vectors, length, products) == (count, inputs, outputs)
                    && product.axes.axis((InOut::In(1 - slot), 0))?.outputs[0].as_slice()
                        == [0] =>
            {
                vectors
            }
            _ => return Ok(None),
        };
        let vector = node.inputs[1 - slot];
        Ok(Some(Self { vector, weights, size, by_rows, output: output.into(), vectors }))
    }
}

impl Match for DenseMatch {
    fn find(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let node = model.node(id);
        let Some(product) = node.op_as::<EinSum>() else { return Ok(None) };
        let is_supported = product.q_params.is_none()
            && product.operating_dt == f32::datum_type()
            && node.inputs.len() == 2;
        if is_supported {
            for slot in [1, 0] {
                let found = Self::with_weights(model, node, product, slot)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    fn replace(
        self,
        model: &mut TypedModel,
        id: usize,
        rewriter: &GraphRewriter,
    ) -> TractResult<()> {
        let GraphRewriter { isa, dense_precision, ref weights, .. } = *rewriter;
        let Self { size, by_rows, output, vectors, .. } = self;
        let sums = if vectors == 1 { ReduceSum::after(model, id)? } else { None };
        let (op, outlet) = match sums {
            None => {
                let (matrix, transposed) =
                    weights.get_or_insert(&self.weights, size, dense_precision)?;
                let by_rows = by_rows != transposed;
                (Dense { isa, matrix, by_rows, output }, OutletId::from(id))
            }
            // A product is linear in its weights, so their sums give the sums, with less to read.
            Some(sums) => {
                let (weights, size) = sums.sum_weights(&self.weights, size, by_rows)?;
                let matrix = Arc::new(WeightMatrix::new(&weights, size, WeightPrecision::F32)?);
                (Dense { isa, matrix, by_rows, output: sums.shape }, sums.outlet)
            }
        };
        let mut patch = TypedModelPatch::default();
        let vector = patch.tap_model(model, self.vector)?;
        let product = patch.wire_node(&model.node(outlet.node).name, op, &[vector])?[0];
        patch.shunt_outside(model, outlet, product)?;
        patch.apply(model)
    }
}
