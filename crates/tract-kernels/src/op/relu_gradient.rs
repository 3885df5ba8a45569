use std::sync::Arc;

use tract_core::internal::*;

use crate::buffer_pool::BufferPool;
use crate::thread_pool::parallel_chunks;

/// ȳ·sign(y): the cotangent of a ReLU's input, from that of its output y, ȳ. Its inputs are ȳ and
/// y, float32 of the same shape.
#[derive(Debug, Clone, Default)]
pub struct ReluGradient {
    pub(crate) buffers: Arc<BufferPool>,
}

/// The elements that a thread computes at a time.
const CHUNK: usize = 1 << 15;

impl PartialEq for ReluGradient {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ReluGradient {}

impl Op for ReluGradient {
    fn name(&self) -> StaticName {
        "ReluGradient".into()
    }

    op_as_typed_op!();
}

impl EvalOp for ReluGradient {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (cotangent, value) = (&inputs[0], &inputs[1]);
        let shape = cotangent.shape();
        ensure!(shape == value.shape(), "{shape:?} and {:?} differ", value.shape());
        // SAFETY: every element is written below, before it is read.
        let mut output = unsafe { self.buffers.alloc(shape)? };
        let (cotangent, value) = (cotangent.try_as_plain_ram()?, value.try_as_plain_ram()?);
        let (cotangent, value) = (cotangent.as_slice::<f32>()?, value.as_slice::<f32>()?);
        let mut view = output.try_as_plain_ram_mut()?;
        parallel_chunks(view.as_slice_mut::<f32>()?, CHUNK, |index, output| {
            let cotangent = &cotangent[index * CHUNK..][..output.len()];
            let value = &value[index * CHUNK..][..output.len()];
            for ((out, &g), &y) in output.iter_mut().zip(cotangent).zip(value) {
                *out = g * sign(y);
            }
        });
        Ok(tvec![self.buffers.track(output)])
    }

    op_out_of_plan!();
}

impl TypedOp for ReluGradient {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec![f32::fact(inputs[0].shape.clone())])
    }

    as_op!();
}

/// 1, −1 or 0.
fn sign(y: f32) -> f32 {
    f32::from(u8::from(y > 0.0)) - f32::from(u8::from(y < 0.0))
}
