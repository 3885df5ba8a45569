use std::sync::Arc;

use tract_core::internal::*;

use crate::buffer_pool::BufferPool;
use crate::geometry::Geometry;
use crate::max_pool::max_pool;
use crate::simd::Isa;

/// A max-pool of any window.
#[derive(Debug, Clone)]
pub(crate) struct MaxPool2d {
    pub(crate) isa: Isa,
    pub(crate) geometry: Geometry,
    pub(crate) buffers: Arc<BufferPool>,
}

impl PartialEq for MaxPool2d {
    fn eq(&self, other: &Self) -> bool {
        self.geometry == other.geometry
    }
}

impl Eq for MaxPool2d {}

impl MaxPool2d {
    fn output_shape(&self, input: &[usize]) -> TVec<usize> {
        let mut shape: TVec<usize> = input.into();
        let axes = shape.len() - 2;
        shape[axes..].copy_from_slice(&self.geometry.output);
        shape
    }
}

impl Op for MaxPool2d {
    fn name(&self) -> StaticName {
        "MaxPool2d".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{self:?}")])
    }

    op_as_typed_op!();
}

impl EvalOp for MaxPool2d {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (shape, area) = (inputs[0].shape(), self.geometry.input_area());
        let images = inputs[0].try_as_plain_ram()?;
        let images = images.as_slice::<f32>()?;
        ensure!(!images.is_empty() && images.len().is_multiple_of(area), "input of {shape:?}");
        // SAFETY: every element is written below, before it is read.
        let mut output = unsafe { self.buffers.alloc(&self.output_shape(shape))? };
        let mut view = output.try_as_plain_ram_mut()?;
        // The channels of all images, one after the other.
        max_pool(self.isa, self.geometry, images, view.as_slice_mut::<f32>()?);
        Ok(tvec![self.buffers.track(output)])
    }

    op_out_of_plan!();
}

impl TypedOp for MaxPool2d {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = inputs[0].shape.as_concrete().context("the shape of the input is unknown")?;
        Ok(tvec![f32::fact(self.output_shape(shape))])
    }

    as_op!();
}
