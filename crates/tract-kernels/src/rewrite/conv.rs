use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::cnn::KernelFormat;
use tract_core::ops::cnn::conv::Conv;

use super::constants::{floats, per_channel};
use super::fusion::Fusion;
use super::geometry::geometry;
use super::{GraphRewriter, Match};
use crate::conv::{ConvAlgorithm, ConvShape, pack_conv};
use crate::op::{FusedConv, FusedOutput};

/// A convolution with constant weights.
pub(super) struct ConvMatch {
    shape: ConvShape,
    weights: Arc<Tensor>,
    bias: Arc<Tensor>,
}

impl Match for ConvMatch {
    fn find(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let node = model.node(id);
        let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
        let facts = model.node_input_facts(id)?;
        let spec = &conv.pool_spec;
        let is_supported = conv.q_params.is_none()
            && conv.kernel_fmt == KernelFormat::OIHW
            && facts.iter().all(|fact| fact.datum_type == f32::datum_type());
        let (Some(weights), Some(bias)) = (facts[1].konst.clone(), facts[2].konst.clone()) else {
            return Ok(None);
        };
        let shape = facts[0].shape.as_concrete().filter(|_| is_supported);
        let Some(geometry) = shape.and_then(|shape| geometry(spec, shape)) else {
            return Ok(None);
        };
        let channels = [spec.input_channels, spec.output_channels];
        let shape = ConvShape { geometry, group: conv.group, channels };
        let has_algorithm = ConvAlgorithm::fastest(&shape, false).is_some();
        Ok(has_algorithm.then_some(Self { shape, weights, bias }))
    }

    fn replace(
        self,
        model: &mut TypedModel,
        id: usize,
        rewriter: &GraphRewriter,
    ) -> TractResult<()> {
        let GraphRewriter { isa, ref buffers, .. } = *rewriter;
        let Self { shape, weights, bias } = self;
        let channels = shape.channels[1];
        let mut weights = floats(&weights)?;
        let mut bias = per_channel(&bias, channels)?.context("a bias of another length")?;
        let fuses_pool =
            matches!(ConvAlgorithm::fastest(&shape, true), Some(ConvAlgorithm::Winograd(_)));
        let fusion = Fusion::after(model, id, channels, fuses_pool)?;
        let is_pooled = fusion.outputs.iter().any(|&(output, _)| output == FusedOutput::Pooled);
        let algorithm = ConvAlgorithm::fastest(&shape, is_pooled).context("no algorithm for it")?;
        let size = weights.len() / channels;
        for (weights, scale) in weights.chunks_exact_mut(size).zip(&fusion.scale) {
            weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * scale) as f32);
        }
        for ((bias, scale), shift) in bias.iter_mut().zip(&fusion.scale).zip(&fusion.shift) {
            *bias = (f64::from(*bias) * scale + shift) as f32;
        }
        let kernel = pack_conv(isa, algorithm, shape.geometry.window, &weights, &bias);
        let outputs = fusion.outputs.iter().map(|&(output, _)| output).collect();
        let (clip, buffers) = (fusion.clip, Arc::clone(buffers));
        let op = FusedConv { kernel, algorithm, shape, clip, outputs, buffers };
        let mut patch = TypedModelPatch::default();
        let mut inputs = tvec![patch.tap_model(model, model.node(id).inputs[0])?];
        if let Some(residual) = fusion.residual {
            inputs.push(patch.tap_model(model, residual)?);
        }
        let wires = patch.wire_node(&model.node(id).name, op, &inputs)?;
        for (wire, (_, outlet)) in wires.into_iter().zip(fusion.outputs) {
            patch.shunt_outside(model, outlet, wire)?;
        }
        patch.apply(model)
    }
}
