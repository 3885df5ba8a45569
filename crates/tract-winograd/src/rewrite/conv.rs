use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::cnn::KernelFormat;
use tract_core::ops::cnn::conv::Conv;

use super::Accelerator;
use super::chain::{Chain, is_asked_for};
use super::constants::{floats, per_channel};
use super::window::window;
use crate::layer::{Algorithm, Layer, Shape};
use crate::op::{FusedConv, Value};

/// A convolution that can be replaced.
pub(super) struct ConvFound {
    shape: Shape,
    weights: Arc<Tensor>,
    bias: Arc<Tensor>,
}

impl ConvFound {
    pub(super) fn at(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let node = model.node(id);
        let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
        let facts = model.node_input_facts(id)?;
        let spec = &conv.pool_spec;
        let plain = conv.q_params.is_none()
            && conv.kernel_fmt == KernelFormat::OIHW
            && facts.iter().all(|fact| fact.datum_type == f32::datum_type());
        let (Some(weights), Some(bias)) = (facts[1].konst.clone(), facts[2].konst.clone()) else {
            return Ok(None);
        };
        let Some(shape) = facts[0].shape.as_concrete().filter(|_| plain) else { return Ok(None) };
        let Some((window, [input, output])) = window(spec, shape) else { return Ok(None) };
        let channels = [spec.input_channels, spec.output_channels];
        let shape = Shape { window, group: conv.group, channels, input, output };
        let is_faster = Algorithm::best(&shape, false).is_some();
        Ok(is_faster.then_some(Self { shape, weights, bias }))
    }

    pub(super) fn replace(
        self,
        model: &mut TypedModel,
        id: usize,
        accelerator: &Accelerator,
    ) -> TractResult<()> {
        let Accelerator { isa, ref recycled, .. } = *accelerator;
        let Self { shape, weights, bias } = self;
        let outputs = shape.channels[1];
        let mut weights = floats(&weights)?;
        let mut bias = per_channel(&bias, outputs)?.context("a bias of another length")?;
        let pools = matches!(Algorithm::best(&shape, true), Some(Algorithm::Winograd(_)));
        let chain = Chain::after(model, id, outputs, pools)?;
        let pooled = chain.gives.iter().any(|&(value, _)| value == Value::Pooled);
        let algorithm = Algorithm::best(&shape, pooled).context("no way to compute it")?;
        let size = weights.len() / outputs;
        for (weights, scale) in weights.chunks_exact_mut(size).zip(&chain.scale) {
            weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * scale) as f32);
        }
        for ((bias, scale), shift) in bias.iter_mut().zip(&chain.scale).zip(&chain.shift) {
            *bias = (f64::from(*bias) * scale + shift) as f32;
        }
        let layer = Arc::new(Layer::new(isa, algorithm, shape.window, &weights, &bias));
        let gives = chain.gives.iter().map(|&(value, _)| value).collect();
        let recycled = Arc::clone(recycled);
        let op = FusedConv { layer, algorithm, shape, clip: chain.clip, gives, recycled };
        let mut patch = TypedModelPatch::default();
        let mut inputs = tvec![patch.tap_model(model, model.node(id).inputs[0])?];
        if let Some(residual) = chain.residual {
            inputs.push(patch.tap_model(model, residual)?);
        }
        let wires = patch.wire_node(&model.node(id).name, op, &inputs)?;
        for (wire, (_, outlet)) in wires.into_iter().zip(chain.gives) {
            patch.shunt_outside(model, outlet, wire)?;
        }
        patch.apply(model)
    }
}

/// Takes from a fused convolution what nobody reads.
pub(super) fn leave_unread(model: &mut TypedModel, id: usize) -> TractResult<()> {
    let node = model.node(id);
    let Some(conv) = node.op_as::<FusedConv>() else { return Ok(()) };
    let outlets = (0..node.outputs.len()).map(|slot| OutletId::new(id, slot));
    let read: TVec<OutletId> =
        outlets.filter(|&outlet| is_asked_for(model, outlet, |_| false)).collect();
    if read.len() == node.outputs.len() {
        return Ok(());
    }
    let gives = read.iter().map(|outlet| conv.gives[outlet.slot]).collect();
    let mut patch = TypedModelPatch::default();
    let inputs = node.inputs.iter().map(|&input| patch.tap_model(model, input));
    let inputs = inputs.collect::<TractResult<TVec<_>>>()?;
    let wires = patch.wire_node(&node.name, FusedConv { gives, ..conv.clone() }, &inputs)?;
    for (wire, outlet) in wires.into_iter().zip(read) {
        patch.shunt_outside(model, outlet, wire)?;
    }
    patch.apply(model)
}
