use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::conv::Conv;
use tract_core::ops::cnn::{KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_core::ops::math::{max, min};
use tract_core::ops::nn::DataFormat;

use crate::random::Random;

/// A model under construction. Its weights come from one seed.
pub(crate) struct Network {
    pub(crate) model: TypedModel,
    random: Random,
}

/// A model, and the number of nodes that the rewrite should replace.
pub(crate) type Built = TractResult<(TypedModel, usize)>;

impl Network {
    pub(crate) fn new() -> Self {
        Self { model: TypedModel::default(), random: Random(7) }
    }

    pub(crate) fn input(&mut self, shape: &[usize]) -> TractResult<OutletId> {
        self.model.add_source("input", f32::fact(shape))
    }

    pub(crate) fn constant(&mut self, name: &str, shape: &[usize]) -> TractResult<OutletId> {
        let values = self.random.floats(shape.iter().product());
        self.model.add_const(name, Tensor::from_shape(shape, &values)?)
    }

    pub(crate) fn window(side: usize, stride: usize, pad: usize, channels: [usize; 2]) -> PoolSpec {
        PoolSpec::new(
            DataFormat::NCHW,
            tvec![side, side],
            PaddingSpec::Explicit(tvec![pad, pad], tvec![pad, pad]),
            None,
            Some(tvec![stride, stride]),
            channels[0],
            channels[1],
        )
    }

    pub(crate) fn conv(
        &mut self,
        name: &str,
        x: OutletId,
        to: usize,
        group: usize,
    ) -> TractResult<OutletId> {
        let from = self.model.outlet_fact(x)?.shape[1].to_usize()?;
        let weights = self.constant(&format!("{name}.w"), &[to, from / group, 3, 3])?;
        let bias = self.constant(&format!("{name}.b"), &[to])?;
        let conv = Conv::new(Self::window(3, 1, 1, [from, to]), KernelFormat::OIHW, group, None);
        Ok(self.model.wire_node(name, conv, &[x, weights, bias])?[0])
    }

    pub(crate) fn bound(
        &mut self,
        name: &str,
        x: OutletId,
        low: bool,
        bound: f32,
    ) -> TractResult<OutletId> {
        let bound = self.model.add_const(format!("{name}.bound"), tensor4(&[[[[bound]]]]))?;
        let op = if low { max() } else { min() };
        Ok(self.model.wire_node(name, op, &[x, bound])?[0])
    }

    pub(crate) fn binary(
        &mut self,
        name: &str,
        op: TypedBinOp,
        a: OutletId,
        b: OutletId,
    ) -> TractResult<OutletId> {
        Ok(self.model.wire_node(name, op, &[a, b])?[0])
    }

    pub(crate) fn pool(&mut self, name: &str, x: OutletId) -> TractResult<OutletId> {
        let channels = self.model.outlet_fact(x)?.shape[1].to_usize()?;
        let pool = MaxPool::new(Self::window(2, 2, 0, [channels; 2]), None);
        Ok(self.model.wire_node(name, pool, &[x])?[0])
    }

    /// The model with these outputs, and the number of nodes that the rewrite should replace.
    pub(crate) fn build(mut self, outputs: &[OutletId], replaced: usize) -> Built {
        self.model.select_output_outlets(outputs)?;
        Ok((self.model, replaced))
    }
}
