use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::{MaxPool, PoolSpec};

use super::constants::{per_channel, uniform};
use crate::finish::Clip;
use crate::op::Value;

/// What follows a convolution and can be computed with it.
pub(super) struct Chain {
    /// A factor for each output channel, and what is added then: batch norm.
    pub(super) scale: Vec<f64>,
    pub(super) shift: Vec<f64>,
    /// What is added element by element.
    pub(super) residual: Option<OutletId>,
    pub(super) clip: Clip,
    /// The values that others ask for, and the last one, with where they stand in the model.
    pub(super) gives: Vec<(Value, OutletId)>,
    /// Where the chain ends so far.
    last: OutletId,
    /// The nodes that it has taken.
    nodes: Vec<usize>,
}

impl Chain {
    /// The chain that begins at node `id`, which has `channels` output channels.
    pub(super) fn after(
        model: &TypedModel,
        id: usize,
        channels: usize,
        pools: bool,
    ) -> TractResult<Self> {
        let mut chain = Self {
            scale: vec![1.0; channels],
            shift: vec![0.0; channels],
            residual: None,
            clip: Clip::NONE,
            gives: Vec::new(),
            last: id.into(),
            nodes: vec![id],
        };
        while chain.take_affine(model, channels)? {}
        let plain = chain.last;
        let sum = chain.take_residual(model)?.then_some(chain.last);
        let clipped = chain.take_clip(model)?.then_some(chain.last);
        // With nothing cut off, the maxima are taken of what is not held within any bounds.
        let pooled = (pools && sum.is_none() && chain.take_pool(model)?).then_some(chain.last);
        let stages = [
            (Value::Plain, Some(plain)),
            (Value::Sum, sum),
            (Value::Clipped, clipped),
            (Value::Pooled, pooled),
        ];
        for (value, outlet) in stages {
            let Some(outlet) = outlet else { continue };
            let within = |node| chain.nodes.contains(&node);
            if outlet == chain.last || is_asked_for(model, outlet, within) {
                chain.gives.push((value, outlet));
            }
        }
        Ok(chain)
    }

    fn take(&mut self, next: usize) {
        self.last = next.into();
        self.nodes.push(next);
    }

    /// A multiplication by a constant, or an addition of one, that has a value for each channel.
    fn take_affine(&mut self, model: &TypedModel, channels: usize) -> TractResult<bool> {
        let Some(next) = self.only_successor(model) else { return Ok(false) };
        for name in ["Mul", "Add"] {
            let Some(constant) = self.constant_operand(model, next, name)? else { continue };
            let fact = model.outlet_fact(self.last)?;
            let axis = fact.rank() - 3;
            let of_channels = constant.len() == 1
                || (constant.rank() == fact.rank() && constant.shape()[axis] == constant.len());
            let values = per_channel(&constant, channels)?.filter(|_| of_channels);
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
            self.take(next);
            return Ok(true);
        }
        Ok(false)
    }

    /// An addition of another value of the same shape. Only where nobody else reads the chain:
    /// otherwise the other value might depend on it.
    fn take_residual(&mut self, model: &TypedModel) -> TractResult<bool> {
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
        self.take(next);
        Ok(true)
    }

    /// max(low, x), min(high, x), or the latter of the former.
    fn take_clip(&mut self, model: &TypedModel) -> TractResult<bool> {
        let low = self.take_bound(model, "Max")?;
        let goes_on = low.is_none() || self.only_successor(model).is_some();
        let high = if goes_on { self.take_bound(model, "Min")? } else { None };
        self.clip.low = low.unwrap_or(self.clip.low);
        self.clip.high = high.unwrap_or(self.clip.high);
        Ok(low.is_some() || high.is_some())
    }

    fn take_bound(&mut self, model: &TypedModel, name: &str) -> TractResult<Option<f32>> {
        for next in self.successors(model) {
            let constant = self.constant_operand(model, next, name)?;
            let bound = constant.map(|constant| uniform(&constant)).transpose()?.flatten();
            let same =
                model.node(next).outputs[0].fact.shape == model.outlet_fact(self.last)?.shape;
            if let Some(bound) = bound.filter(|_| same) {
                self.take(next);
                return Ok(Some(bound));
            }
        }
        Ok(None)
    }

    fn take_pool(&mut self, model: &TypedModel) -> TractResult<bool> {
        for next in self.successors(model) {
            let pool = model.node(next).op_as::<MaxPool>();
            let shape = model.outlet_fact(self.last)?.shape.as_concrete();
            let (Some(pool), Some(shape)) = (pool, shape) else { continue };
            if pool.with_index_outputs.is_none() && halves(&pool.pool_spec, shape) {
                self.take(next);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn successors(&self, model: &TypedModel) -> Vec<usize> {
        let node = model.node(self.last.node);
        node.outputs[self.last.slot].successors.iter().map(|inlet| inlet.node).collect()
    }

    fn only_reader(&self, model: &TypedModel) -> Option<usize> {
        match self.successors(model).as_slice() {
            [next] => Some(*next),
            _ => None,
        }
    }

    /// The next node, where nobody else wants what the chain gives so far.
    fn only_successor(&self, model: &TypedModel) -> Option<usize> {
        self.only_reader(model).filter(|_| !model.outputs.contains(&self.last))
    }

    /// What node `next` combines the chain with, where it is the operator `name` and that is
    /// constant.
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

/// Whether `outlet` is an output of the model or read by a node that is not `within`.
pub(super) fn is_asked_for(
    model: &TypedModel,
    outlet: OutletId,
    within: impl Fn(usize) -> bool,
) -> bool {
    let successors = &model.node(outlet.node).outputs[outlet.slot].successors;
    model.outputs.contains(&outlet) || successors.iter().any(|inlet| !within(inlet.node))
}

/// Whether a pool takes the maxima of 2×2 windows that lie side by side, and drops what is left at
/// the far edges.
fn halves(spec: &PoolSpec, shape: &[usize]) -> bool {
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
