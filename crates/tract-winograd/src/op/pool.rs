use std::sync::Arc;

use tract_core::internal::*;

use crate::channelwise::maxima;
use crate::recycled::Recycled;
use crate::simd::Isa;
use crate::window::Window;

/// The greatest value under every place of a window.
#[derive(Debug, Clone)]
pub(crate) struct Maxima {
    pub(crate) isa: Isa,
    pub(crate) window: Window,
    /// Height and width of the input and of the output.
    pub(crate) size: [[usize; 2]; 2],
    pub(crate) recycled: Arc<Recycled>,
}

impl PartialEq for Maxima {
    fn eq(&self, other: &Self) -> bool {
        (&self.window, self.size) == (&other.window, other.size)
    }
}

impl Eq for Maxima {}

impl Maxima {
    fn output_shape(&self, input: &[usize]) -> TVec<usize> {
        let mut shape: TVec<usize> = input.into();
        let axes = shape.len() - 2;
        shape[axes..].copy_from_slice(&self.size[1]);
        shape
    }
}

impl Op for Maxima {
    fn name(&self) -> StaticName {
        "Maxima".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{self:?}")])
    }

    op_as_typed_op!();
}

impl EvalOp for Maxima {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (shape, area) = (inputs[0].shape(), self.size[0][0] * self.size[0][1]);
        let picture = inputs[0].try_as_plain_ram()?;
        let picture = picture.as_slice::<f32>()?;
        ensure!(!picture.is_empty() && picture.len().is_multiple_of(area), "input of {shape:?}");
        // SAFETY: all of it is written below, before it is read.
        let mut output = unsafe { self.recycled.take(&self.output_shape(shape))? };
        let mut view = output.try_as_plain_ram_mut()?;
        maxima(self.isa, &self.window, picture, self.size, view.as_slice_mut::<f32>()?);
        Ok(tvec![self.recycled.give(output)])
    }

    op_out_of_plan!();
}

impl TypedOp for Maxima {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = inputs[0].shape.as_concrete().context("the input's shape is not known")?;
        Ok(tvec![f32::fact(self.output_shape(shape))])
    }

    as_op!();
}
