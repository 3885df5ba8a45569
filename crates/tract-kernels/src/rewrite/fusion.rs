use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::{MaxPool, PoolSpec};

use super::constants::{per_channel, uniform};
use super::is_used_outside;
use crate::epilogue::Clip;
use crate::op::FusedOutput;

/// The operators after a convolution that are fused with it.
pub(super) struct Fusion {
    /// Batch norm: a factor for each output channel, and a summand that is added afterwards.
    pub(super) scale: Vec<f64>,
    pub(super) shift: Vec<f64>,
    /// A value that is added element by element.
    pub(super) residual: Option<OutletId>,
    pub(super) clip: Clip,
    /// The last value, and the intermediate values that are used elsewhere; each with its outlet in
    /// the model.
    pub(super) outputs: Vec<(FusedOutput, OutletId)>,
    /// The outlet of the last node so far.
    last: OutletId,
    /// The nodes that are fused: the convolution and its successors.
    nodes: Vec<usize>,
}

impl Fusion {
    /// Fuses as many operators as possible with the convolution at node `id`, which has `channels`
    /// output channels. `fuses_pool` tells whether a 2×2 max-pool may be among them.
    pub(super) fn after(
        model: &TypedModel,
        id: usize,
        channels: usize,
        fuses_pool: bool,
    ) -> TractResult<Self> {
        let mut fusion = Self {
            scale: vec![1.0; channels],
            shift: vec![0.0; channels],
            residual: None,
            clip: Clip::NONE,
            outputs: Vec::new(),
            last: id.into(),
            nodes: vec![id],
        };
        while fusion.fuse_affine(model, channels)? {}
        let conv = fusion.last;
        let sum = fusion.fuse_residual(model)?.then_some(fusion.last);
        let clipped = fusion.fuse_clip(model)?.then_some(fusion.last);
        // Without an activation, the bounds of the clipping are infinite.
        let pooled = fuses_pool && sum.is_none() && fusion.fuse_pool(model)?;
        let values = [
            (FusedOutput::Conv, Some(conv)),
            (FusedOutput::Sum, sum),
            (FusedOutput::Clipped, clipped),
            (FusedOutput::Pooled, pooled.then_some(fusion.last)),
        ];
        for (output, outlet) in values {
            let Some(outlet) = outlet else { continue };
            let inside = |node| fusion.nodes.contains(&node);
            if outlet == fusion.last || is_used_outside(model, outlet, inside) {
                fusion.outputs.push((output, outlet));
            }
        }
        Ok(fusion)
    }

    /// Adds node `next` to the fused ones.
    fn push(&mut self, next: usize) {
        self.last = next.into();
        self.nodes.push(next);
    }

    /// Fuses a multiplication by a constant, or the addition of one, with a value for each channel.
    fn fuse_affine(&mut self, model: &TypedModel, channels: usize) -> TractResult<bool> {
        let Some(next) = self.only_successor(model) else { return Ok(false) };
        for name in ["Mul", "Add"] {
            let Some(constant) = self.constant_operand(model, next, name)? else { continue };
            let fact = model.outlet_fact(self.last)?;
            let axis = fact.rank() - 3;
            let is_per_channel = constant.len() == 1
                || (constant.rank() == fact.rank() && constant.shape()[axis] == constant.len());
            let values = per_channel(&constant, channels)?.filter(|_| is_per_channel);
            let Some(values) =
                values.filter(|_| model.node(next).outputs[0].fact.shape == fact.shape)
            else {
                continue;
            };
            for ((scale, shift), value) in self.scale.iter_mut().zip(&mut self.shift).zip(values) {
                if name == "Mul" {
                    *scale *= f64::from(value);
                    *shift *= f64::from(value);
                } else {
                    *shift += f64::from(value);
                }
            }
            self.push(next);
            return Ok(true);
        }
        Ok(false)
    }

    /// Fuses the addition of another value of the same shape. The last value so far must have no
    /// other reader: otherwise the other summand might depend on it.
    fn fuse_residual(&mut self, model: &TypedModel) -> TractResult<bool> {
        let Some(next) = self.only_reader(model) else { return Ok(false) };
        let node = model.node(next);
        if !is_binary(node, "Add") || node.inputs[0] == node.inputs[1] {
            return Ok(false);
        }
        let other = if node.inputs[0] == self.last { node.inputs[1] } else { node.inputs[0] };
        let (fact, own) = (model.outlet_fact(other)?, model.outlet_fact(self.last)?);
        if fact.konst.is_some() || fact.shape != own.shape || fact.datum_type != own.datum_type {
            return Ok(false);
        }
        self.residual = Some(other);
        self.push(next);
        Ok(true)
    }

    /// Fuses max(low, x), min(high, x), or min(high, max(low, x)).
    fn fuse_clip(&mut self, model: &TypedModel) -> TractResult<bool> {
        let low = self.fuse_bound(model, "Max")?;
        let may_follow = low.is_none() || self.only_successor(model).is_some();
        let high = if may_follow { self.fuse_bound(model, "Min")? } else { None };
        self.clip.low = low.unwrap_or(self.clip.low);
        self.clip.high = high.unwrap_or(self.clip.high);
        Ok(low.is_some() || high.is_some())
    }

    /// Fuses the operator `name`, `Max` or `Min`, with a constant bound; returns the bound.
    fn fuse_bound(&mut self, model: &TypedModel, name: &str) -> TractResult<Option<f32>> {
        for next in self.successors(model) {
            let constant = self.constant_operand(model, next, name)?;
            let bound = constant.map(|constant| uniform(&constant)).transpose()?.flatten();
            let is_same_shape =
                model.node(next).outputs[0].fact.shape == model.outlet_fact(self.last)?.shape;
            if let Some(bound) = bound.filter(|_| is_same_shape) {
                self.push(next);
                return Ok(Some(bound));
            }
        }
        Ok(None)
    }

    /// Fuses a 2×2 max-pool.
    fn fuse_pool(&mut self, model: &TypedModel) -> TractResult<bool> {
        for next in self.successors(model) {
            let pool = model.node(next).op_as::<MaxPool>();
            let shape = model.outlet_fact(self.last)?.shape.as_concrete();
            let (Some(pool), Some(shape)) = (pool, shape) else { continue };
            if pool.with_index_outputs.is_none() && is_2x2(&pool.pool_spec, shape) {
                self.push(next);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn successors(&self, model: &TypedModel) -> Vec<usize> {
        let node = model.node(self.last.node);
        node.outputs[self.last.slot].successors.iter().map(|inlet| inlet.node).collect()
    }

    /// The next node, where it is the only reader of the last value.
    fn only_reader(&self, model: &TypedModel) -> Option<usize> {
        match self.successors(model).as_slice() {
            [next] => Some(*next),
            _ => None,
        }
    }

    /// The next node, where the last value has no other use.
    fn only_successor(&self, model: &TypedModel) -> Option<usize> {
        self.only_reader(model).filter(|_| !model.outputs.contains(&self.last))
    }

    /// The constant that node `next` combines with the last value, where it is the operator `name`.
    fn constant_operand(
        &self,
        model: &TypedModel,
        next: usize,
        name: &str,
    ) -> TractResult<Option<Arc<Tensor>>> {
        let node = model.node(next);
        if !is_binary(node, name) {
            return Ok(None);
        }
        let other = node.inputs.iter().find(|input| **input != self.last);
        Ok(other.map(|other| model.outlet_fact(*other)).transpose()?.and_then(|f| f.konst.clone()))
    }
}

fn is_binary(node: &TypedNode, name: &str) -> bool {
    node.op_as::<TypedBinOp>().is_some_and(|op| op.0.name() == name) && node.inputs.len() == 2
}

/// Whether a pool has 2×2 windows with stride 2 and no padding, and drops a last odd row or column.
fn is_2x2(spec: &PoolSpec, shape: &[usize]) -> bool {
    let input = [shape[shape.len() - 2], shape[shape.len() - 1]];
    let padding = spec.computed_padding(&input);
    spec.kernel_shape.as_slice() == [2, 2]
        && spec.strides().as_ref() == [2, 2]
        && spec.dilations().as_ref() == [1, 1]
        && !spec.data_format.c_is_last()
        && padding.iter().zip(input).all(|(axis, length)| {
            axis.pad_before == 0 && axis.convoluted == length / 2 && length >= 2
        })
}
