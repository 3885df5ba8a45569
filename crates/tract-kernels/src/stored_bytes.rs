use std::collections::HashMap;
use std::sync::Arc;

use tract_core::internal::*;

use crate::op::{Dense, FusedConv};

/// The memory that the constants of `model` take, in bytes, by their address: tensors, kernels
/// packed for an algorithm, and weight matrices. Two models share the constants whose addresses
/// both have.
#[must_use]
pub fn stored_bytes(model: &TypedModel) -> HashMap<usize, usize> {
    let mut stored = HashMap::new();
    for node in model.nodes() {
        if let Some(conv) = node.op_as::<FusedConv>() {
            stored.insert(Arc::as_ptr(&conv.kernel).addr(), conv.kernel.bytes());
        }
        if let Some(dense) = node.op_as::<Dense>() {
            stored.extend([dense.matrix.stored_bytes()]);
        }
        for fact in node.outputs.iter().map(|output| &output.fact) {
            if let Some(tensor) = &fact.konst {
                // A packed matrix has no elements of its own. Its fact knows its size.
                let packed = fact.mem_size().to_usize().unwrap_or(0);
                let bytes = packed.max(bytes_of(tensor));
                stored.insert(Arc::as_ptr(tensor).addr(), bytes);
            }
        }
    }
    stored
}

fn bytes_of(tensor: &Tensor) -> usize {
    tensor.len() * tensor.datum_type().size_of()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GraphRewriter, WeightPrecision};

    /// A dense layer of `size` weights.
    fn dense(weights: &Arc<Tensor>) -> TypedModel {
        let mut model = TypedModel::default();
        let size = weights.shape().to_vec();
        let x = model.add_source("x", f32::fact([1, size[0]])).unwrap();
        let w = model.add_const("w", Arc::clone(weights)).unwrap();
        let axes = "mk,kn->mn".parse().unwrap();
        let product = tract_core::ops::einsum::EinSum::new(axes, f32::datum_type());
        let y = model.wire_node("y", product, &[x, w]).unwrap();
        model.select_output_outlets(&y).unwrap();
        model
    }

    #[test]
    fn the_memory_of_a_shared_matrix_is_counted_at_one_address() {
        let weights = Arc::new(Tensor::zero::<f32>(&[512, 512]).unwrap());
        for (dense_precision, bytes) in
            [(WeightPrecision::F32, 4 * 512 * 512), (WeightPrecision::F16, 2 * 512 * 512)]
        {
            let rewriter = GraphRewriter { dense_precision, ..GraphRewriter::default() };
            let compile = || {
                let mut model = dense(&weights);
                assert_eq!(rewriter.rewrite(&mut model).unwrap(), 1);
                model.into_optimized().unwrap()
            };
            let (first, second) = (compile(), compile());
            let stored = stored_bytes(&first);
            assert_eq!(stored.values().sum::<usize>(), bytes);
            assert_eq!(stored, stored_bytes(&second));
        }
    }
}
