use std::sync::Arc;

use tract_core::internal::*;

use crate::buffer_pool::BufferPool;
use crate::epilogue::{Clip, Epilogue};
use crate::matmul::{Bias, MatmulLayout, matmul};
use crate::shared_output::SharedOutput;
use crate::simd::Isa;

/// A batched product of two matrices, plus a bias and a residual, the third input.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) isa: Isa,
    pub(crate) layout: Arc<MatmulLayout>,
    pub(crate) bias: Bias,
    /// The shape of the output, and of the residual.
    pub(crate) output: TVec<usize>,
    pub(crate) buffers: Arc<BufferPool>,
}

impl PartialEq for Product {
    fn eq(&self, other: &Self) -> bool {
        (&self.layout, &self.bias, &self.output) == (&other.layout, &other.bias, &other.output)
    }
}

impl Eq for Product {}

impl Op for Product {
    fn name(&self) -> StaticName {
        "Product".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        let MatmulLayout { batch, rows, depth, columns } = &*self.layout;
        let [batch, rows, depth, columns] =
            [batch.0.len(), rows.0.len(), depth.0.len(), columns.0.len()];
        Ok(vec![format!("{batch} × ({rows}×{depth} · {depth}×{columns})")])
    }

    op_as_typed_op!();
}

impl EvalOp for Product {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let views = inputs
            .iter()
            .map(|input| input.try_as_plain_ram())
            .collect::<TractResult<TVec<_>>>()?;
        let slices =
            views.iter().map(|view| view.as_slice::<f32>()).collect::<TractResult<TVec<_>>>()?;
        // SAFETY: every element is written below, before it is read.
        let mut output = unsafe { self.buffers.alloc(&self.output)? };
        let mut view = output.try_as_plain_ram_mut()?;
        let sum = SharedOutput::new(view.as_slice_mut::<f32>()?);
        let epilogue = Epilogue {
            conv: None,
            residual: slices.get(2).copied(),
            sum: Some(sum),
            clip: Clip::NONE,
            clipped: None,
        };
        matmul(self.isa, &self.layout, [slices[0], slices[1]], &self.bias, &epilogue);
        Ok(tvec![self.buffers.track(output)])
    }

    op_out_of_plan!();
}

impl TypedOp for Product {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec![f32::fact(&self.output)])
    }

    as_op!();
}
