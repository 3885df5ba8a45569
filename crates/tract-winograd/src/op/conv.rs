use std::fmt;
use std::sync::Arc;

use tract_core::internal::*;

use crate::finish::{Clip, Finish, Places};
use crate::layer::{Algorithm, Layer, Shape};
use crate::recycled::Recycled;

/// A value on the way from a convolution to what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// The convolution with its bias.
    Plain,
    /// With the residual, the operator's second input, added.
    Sum,
    /// Held within the bounds of the activation.
    Clipped,
    /// The maxima of its 2×2 windows.
    Pooled,
}

/// A convolution and what follows it, in one operator. It gives those of its values that somebody
/// asks for.
#[derive(Clone)]
pub(crate) struct FusedConv {
    pub(crate) layer: Arc<Layer>,
    pub(crate) algorithm: Algorithm,
    pub(crate) shape: Shape,
    pub(crate) clip: Clip,
    pub(crate) gives: TVec<Value>,
    pub(crate) recycled: Arc<Recycled>,
}

impl FusedConv {
    fn output_shape(&self, input: &[usize], value: Value) -> TVec<usize> {
        let mut shape: TVec<usize> = input.into();
        let axes = shape.len() - 3;
        let halve = if value == Value::Pooled { 2 } else { 1 };
        shape[axes] = self.shape.channels[1];
        shape[axes + 1] = self.shape.output[0] / halve;
        shape[axes + 2] = self.shape.output[1] / halve;
        shape
    }
}

impl fmt::Debug for FusedConv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, shape, clip, gives, .. } = self;
        write!(f, "{algorithm:?} {shape:?} {clip:?} {gives:?} {} bytes", self.layer.bytes())
    }
}

impl PartialEq for FusedConv {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.layer, &other.layer)
    }
}

impl Eq for FusedConv {}

impl Op for FusedConv {
    fn name(&self) -> StaticName {
        "FusedConv".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{self:?}")])
    }

    op_as_typed_op!();
}

impl EvalOp for FusedConv {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let shape = inputs[0].shape();
        let picture = inputs[0].try_as_plain_ram()?;
        let picture = picture.as_slice::<f32>()?;
        let residual = inputs.get(1).map(|tensor| tensor.try_as_plain_ram()).transpose()?;
        let residual = residual.as_ref().map(|view| view.as_slice::<f32>()).transpose()?;
        let outputs = self.gives.iter().map(|&value| {
            // SAFETY: all of it is written below, before it is read.
            unsafe { self.recycled.take(&self.output_shape(shape, value)) }
        });
        let mut outputs = outputs.collect::<TractResult<TVec<Tensor>>>()?;
        let mut views = TVec::new();
        for tensor in &mut outputs {
            views.push(tensor.try_as_plain_ram_mut()?);
        }
        let Shape { input, output, channels, .. } = self.shape;
        let size = channels[0] * input[0] * input[1];
        ensure!(size > 0 && picture.len().is_multiple_of(size), "input of {shape:?}");
        for (index, picture) in picture.chunks_exact(size).enumerate() {
            let size = channels[1] * output[0] * output[1];
            let mut finish = Finish {
                plain: None,
                residual: residual.map(|residual| &residual[index * size..][..size]),
                sum: None,
                clip: self.clip,
                clipped: None,
            };
            let mut pooled = None;
            for (&value, view) in self.gives.iter().zip(&mut views) {
                let (size, place) = match value {
                    Value::Plain => (size, &mut finish.plain),
                    Value::Sum => (size, &mut finish.sum),
                    Value::Clipped => (size, &mut finish.clipped),
                    Value::Pooled => (channels[1] * (output[0] / 2) * (output[1] / 2), &mut pooled),
                };
                let picture = &mut view.as_slice_mut::<f32>()?[index * size..][..size];
                *place = Some(Places::of(picture));
            }
            self.layer.run(picture, [input, output], finish, pooled);
        }
        drop(views);
        Ok(outputs.into_iter().map(|output| self.recycled.give(output)).collect())
    }

    op_out_of_plan!();
}

impl TypedOp for FusedConv {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = inputs[0].shape.as_concrete().context("the input's shape is not known")?;
        let fact = |&value: &Value| f32::fact(self.output_shape(shape, value));
        Ok(self.gives.iter().map(fact).collect())
    }

    as_op!();
}
