use std::sync::{Arc, Weak};

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::{MaxPool, SumPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::konst::Const;

use super::Match;
use super::constants::uniform;
use super::dense::DenseMatch;
use crate::transpose::transpose;

/// The least number of weights of a layer. Smaller matrices fit the cache, where skipping weights
/// saves little.
const MIN_WEIGHTS: usize = 1 << 22;

/// Transposes the weights of dense layers that read the feature maps of a ReLU, if they are stored
/// output by output. Most elements of such a vector are zero. Stored input by input, the weights of
/// zeros need not be read.
///
/// Only the layer that reads the feature maps themselves is changed. For a later layer, the
/// untransposed weights save as much in the backward product. Of the first layer's backward
/// product, models hardly use more than sums over positions.
///
/// Returns pairs of an original tensor, which is alive as long as others hold it, and the
/// transposed tensor that replaces it. Where the model transposes a constant before it multiplies
/// it, the product reads the constant as it is from now on.
///
/// Call this before [`TypedModel::prop_consts`]. Within
/// [`ThreadPool::run`](crate::ThreadPool::run), all threads of the pool help.
///
/// # Errors
/// tract's error for an inconsistent model.
pub fn transpose_dense(model: &mut TypedModel) -> TractResult<Vec<(Weak<Tensor>, Arc<Tensor>)>> {
    let mut tensors = Vec::new();
    for id in model.eval_order()? {
        for slot in 0..model.node(id).inputs.len() {
            fuse_transpose(model, id, slot)?;
        }
        let Some(found) = DenseMatch::find(model, id)? else { continue };
        let is_large = found.weights.len() >= MIN_WEIGHTS;
        if found.by_rows && is_large && is_feature_maps(model, found.vector)? {
            tensors.extend(transpose_weights(model, id, &found)?);
        }
    }
    Ok(tensors)
}

/// Transposes the constant weights of the product `id`, where nothing else uses them.
fn transpose_weights(
    model: &mut TypedModel,
    id: usize,
    found: &DenseMatch,
) -> TractResult<Option<(Weak<Tensor>, Arc<Tensor>)>> {
    let slot = usize::from(model.node(id).inputs[0] == found.vector);
    let constant = model.node(id).inputs[slot];
    let node = model.node(constant.node);
    let readers = node.outputs[constant.slot].successors.len();
    let is_output = model.outputs.contains(&constant);
    if !node.op_is::<Const>() || found.weights.rank() != 2 || readers > 1 || is_output {
        return Ok(None);
    }
    let tensor = Arc::new(transpose(&found.weights, found.size)?);
    let node = model.node_mut(constant.node);
    node.outputs[0].fact = TypedFact::try_from(&tensor)?;
    node.op = Box::new(Const::new(Arc::clone(&tensor))?);
    exchange_axes(model, id, slot);
    Ok(Some((Arc::downgrade(&found.weights), tensor)))
}

/// Where the input `slot` of the product `id` is a transposed constant, has the product read the
/// constant itself.
fn fuse_transpose(model: &mut TypedModel, id: usize, slot: usize) -> TractResult<()> {
    let outlet = model.node(id).inputs[slot];
    let transposition = model.node(outlet.node);
    let exchanges = |op: &AxisOp| matches!(op, AxisOp::Move(0, 1) | AxisOp::Move(1, 0));
    if !model.node(id).op_is::<EinSum>() || !transposition.op_as::<AxisOp>().is_some_and(exchanges)
    {
        return Ok(());
    }
    let stored = transposition.inputs[0];
    let fact = model.outlet_fact(stored)?;
    if fact.rank() == 2 && fact.konst.is_some() {
        model.add_edge(stored, InletId::new(id, slot))?;
        exchange_axes(model, id, slot);
    }
    Ok(())
}

/// Exchanges the axes of the input `slot` of the product `id`.
fn exchange_axes(model: &mut TypedModel, id: usize, slot: usize) {
    if let Some(product) = model.node_mut(id).op_as_mut::<EinSum>() {
        let axes = product.axes.iter_all_axes_mut().flat_map(|axis| &mut axis.inputs[slot]);
        axes.for_each(|axis| *axis = 1 - *axis);
    }
}

/// Whether a vector holds the flattened feature maps of a ReLU. They may have been pooled.
fn is_feature_maps(model: &TypedModel, vector: OutletId) -> TractResult<bool> {
    let mut outlet = vector;
    let mut has_several_axes = false;
    loop {
        let node = model.node(outlet.node);
        let shape = &model.outlet_fact(outlet)?.shape;
        has_several_axes |= shape.iter().filter(|dim| **dim != 1.to_dim()).count() > 1;
        if node.op_is::<AxisOp>() || node.op_is::<MaxPool>() || node.op_is::<SumPool>() {
            outlet = node.inputs[0];
            continue;
        }
        let Some(op) = node.op_as::<TypedBinOp>() else { return Ok(false) };
        let facts = model.node_input_facts(node.id)?;
        let Some(slot) = facts.iter().position(|fact| fact.konst.is_none()) else {
            return Ok(false);
        };
        let bound = facts[1 - slot].konst.as_deref().map(uniform).transpose()?.flatten();
        match (op.0.name(), bound) {
            ("Max", Some(0.0)) => return Ok(has_several_axes),
            ("Min", Some(bound)) if bound > 0.0 => outlet = node.inputs[slot],
            _ => return Ok(false),
        }
    }
}
