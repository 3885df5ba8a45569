use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;

use super::Accelerator;
use super::sums::Sums;
use crate::matrix::{Matrix, Storage};
use crate::op::Dense;

/// Weights of a layer at least: less is done before several threads have heard of it.
const WEIGHTS: usize = 1 << 16;

/// A product of one vector by a constant matrix.
pub(super) struct DenseFound {
    pub(super) vector: OutletId,
    pub(super) weights: Arc<Tensor>,
    /// Rows and columns of the matrix as it is stored.
    pub(super) size: [usize; 2],
    /// Whether each output is the product with a row; otherwise with a column.
    pub(super) by_rows: bool,
    output: TVec<usize>,
}

impl DenseFound {
    pub(super) fn at(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let node = model.node(id);
        let Some(product) = node.op_as::<EinSum>() else { return Ok(None) };
        let plain = product.q_params.is_none()
            && product.operating_dt == f32::datum_type()
            && node.inputs.len() == 2;
        if plain {
            for slot in [1, 0] {
                let found = Self::with_weights(model, node, product, slot)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// Where the input `slot` is the matrix.
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
        if weights.len() < WEIGHTS || !is_float(matrix) || !is_float(vector) {
            return Ok(None);
        }
        // Along one axis of the matrix lie the elements of the vector, along the other the outputs.
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
        let vector = node.inputs[1 - slot];
        let output = output.into();
        Ok(is_one_vector.then_some(Self { vector, weights, size, by_rows, output }))
    }

    pub(super) fn replace(
        self,
        model: &mut TypedModel,
        id: usize,
        accelerator: &Accelerator,
    ) -> TractResult<()> {
        let Accelerator { isa, dense, ref weights, .. } = *accelerator;
        let Self { size, by_rows, output, .. } = self;
        let (op, gives) = match Sums::of(model, id)? {
            None => {
                let (matrix, transposed) = weights.hold(&self.weights, size, dense)?;
                let by_rows = by_rows != transposed;
                (Dense { isa, matrix, by_rows, output }, OutletId::from(id))
            }
            // They are linear in the weights, of which fewer are left.
            Some(sums) => {
                let (weights, size) = sums.summed(&self.weights, size, by_rows)?;
                let matrix = Arc::new(Matrix::new(&weights, size, Storage::F32)?);
                (Dense { isa, matrix, by_rows, output: sums.shape }, sums.outlet)
            }
        };
        let mut patch = TypedModelPatch::default();
        let vector = patch.tap_model(model, self.vector)?;
        let product = patch.wire_node(&model.node(gives.node).name, op, &[vector])?[0];
        patch.shunt_outside(model, gives, product)?;
        patch.apply(model)
    }
}
