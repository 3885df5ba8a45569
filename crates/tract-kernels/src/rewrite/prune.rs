use tract_core::internal::*;

use super::is_used;
use crate::op::FusedConv;

/// Reduces `model` to what `outputs` need. Other nodes are removed, and so are the outputs of this
/// crate's fused convolutions that nobody reads any more. The weights stay shared with the model
/// of which this is a clone.
///
/// # Errors
/// tract's error for an inconsistent model.
pub fn prune(model: &mut TypedModel, outputs: &[OutletId]) -> TractResult<()> {
    model.select_output_outlets(outputs)?;
    model.compact()?;
    model.eval_order()?.into_iter().try_for_each(|id| remove_unused_outputs(model, id))
}

/// Removes the unused outputs of node `id`, where that is a fused convolution.
fn remove_unused_outputs(model: &mut TypedModel, id: usize) -> TractResult<()> {
    let node = model.node(id);
    let Some(conv) = node.op_as::<FusedConv>() else { return Ok(()) };
    let outlets = (0..node.outputs.len()).map(|slot| OutletId::new(id, slot));
    let used: TVec<OutletId> = outlets.filter(|&outlet| is_used(model, outlet)).collect();
    if used.len() == node.outputs.len() {
        return Ok(());
    }
    let outputs = used.iter().map(|outlet| conv.outputs[outlet.slot]).collect();
    let mut patch = TypedModelPatch::default();
    let inputs = node.inputs.iter().map(|&input| patch.tap_model(model, input));
    let inputs = inputs.collect::<TractResult<TVec<_>>>()?;
    let wires = patch.wire_node(&node.name, FusedConv { outputs, ..conv.clone() }, &inputs)?;
    for (wire, outlet) in wires.into_iter().zip(used) {
        patch.shunt_outside(model, outlet, wire)?;
    }
    patch.apply(model)
}
