use std::sync::{Arc, Weak};

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::{MaxPool, SumPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::konst::Const;

use super::constants::uniform;
use super::dense::DenseFound;
use crate::matrix::turned;

/// Weights of a layer at least. Smaller ones are in the cache, where what is not read saves little.
const WEIGHTS: usize = 1 << 22;

/// Turns the weights of dense layers behind pictures of ReLUs, where they are stored output by
/// output: stored input by input, those of an input that is zero, as most are, need not be read.
/// Only the layer that reads the pictures themselves is changed: the backward product of a later
/// one is spared as much the other way, and of this one's little more than sums over positions is
/// ever wanted.
///
/// Gives the tensors that were there, as far as others hold them, and those that have come in their
/// place. A constant that is transposed before it is multiplied is read as it is from now on.
///
/// To be called before [`TypedModel::prop_consts`], and within [`Team::run`](crate::Team::run), for
/// all threads to help.
///
/// # Errors
/// tract's, where the model contradicts itself.
pub fn turn_dense(model: &mut TypedModel) -> TractResult<Vec<(Weak<Tensor>, Arc<Tensor>)>> {
    let mut tensors = Vec::new();
    for id in model.eval_order()? {
        for slot in 0..model.node(id).inputs.len() {
            read_as_stored(model, id, slot)?;
        }
        let Some(found) = DenseFound::at(model, id)? else { continue };
        if found.by_rows && found.weights.len() >= WEIGHTS && is_of_pictures(model, found.vector)? {
            tensors.extend(turn(model, id, &found)?);
        }
    }
    Ok(tensors)
}

/// Stores the weights of a product by rows the other way.
fn turn(
    model: &mut TypedModel,
    id: usize,
    found: &DenseFound,
) -> TractResult<Option<(Weak<Tensor>, Arc<Tensor>)>> {
    let slot = usize::from(model.node(id).inputs[0] == found.vector);
    let constant = model.node(id).inputs[slot];
    let node = model.node(constant.node);
    let readers = node.outputs[constant.slot].successors.len();
    let is_asked_for = model.outputs.contains(&constant);
    if !node.op_is::<Const>() || found.weights.rank() != 2 || readers > 1 || is_asked_for {
        return Ok(None);
    }
    let tensor = Arc::new(turned(&found.weights, found.size)?);
    let node = model.node_mut(constant.node);
    node.outputs[0].fact = TypedFact::try_from(&tensor)?;
    node.op = Box::new(Const::new(Arc::clone(&tensor))?);
    exchange_axes(model, id, slot);
    Ok(Some((Arc::downgrade(&found.weights), tensor)))
}

/// Takes the transposition of a constant into the product `id` that reads it at `slot`.
fn read_as_stored(model: &mut TypedModel, id: usize, slot: usize) -> TractResult<()> {
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

/// Has the product `id` read its input `slot` with rows and columns exchanged.
fn exchange_axes(model: &mut TypedModel, id: usize, slot: usize) {
    if let Some(product) = model.node_mut(id).op_as_mut::<EinSum>() {
        let places = product.axes.iter_all_axes_mut().flat_map(|axis| &mut axis.inputs[slot]);
        places.for_each(|place| *place = 1 - *place);
    }
}

/// Whether a vector is what ReLUs left of pictures, perhaps pooled.
fn is_of_pictures(model: &TypedModel, vector: OutletId) -> TractResult<bool> {
    let mut outlet = vector;
    let mut was_picture = false;
    loop {
        let node = model.node(outlet.node);
        let shape = &model.outlet_fact(outlet)?.shape;
        was_picture |= shape.iter().filter(|dim| **dim != 1.to_dim()).count() > 1;
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
            ("Max", Some(0.0)) => return Ok(was_picture),
            ("Min", Some(bound)) if bound > 0.0 => outlet = node.inputs[slot],
            _ => return Ok(false),
        }
    }
}
