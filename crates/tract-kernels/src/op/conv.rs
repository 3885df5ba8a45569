use std::fmt;
use std::sync::Arc;

use tract_core::internal::*;

use crate::buffer_pool::BufferPool;
use crate::conv::{ConvAlgorithm, ConvShape};
use crate::conv_kernel::ConvKernel;
use crate::epilogue::{Clip, Epilogue};
use crate::kernel_args::KernelArgs;
use crate::shared_output::SharedOutput;

/// A value that a fused convolution computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FusedOutput {
    /// The convolution with its bias.
    Conv,
    /// The convolution plus the residual, the operator's second input.
    Sum,
    /// The sum, clipped to the bounds of the activation.
    Clipped,
    /// The maxima of the clipped sum's 2×2 windows.
    Pooled,
}

/// A convolution fused with the operators that follow it. Its outputs are those of its values that
/// the model uses.
#[derive(Clone)]
pub(crate) struct FusedConv {
    pub(crate) kernel: Arc<dyn ConvKernel>,
    pub(crate) algorithm: ConvAlgorithm,
    pub(crate) shape: ConvShape,
    pub(crate) clip: Clip,
    pub(crate) outputs: TVec<FusedOutput>,
    pub(crate) buffers: Arc<BufferPool>,
}

impl FusedConv {
    /// The channels, height and width of an output.
    fn output_size(&self, output: FusedOutput) -> [usize; 3] {
        let [height, width] = self.shape.geometry.output;
        let divisor = if output == FusedOutput::Pooled { 2 } else { 1 };
        [self.shape.channels[1], height / divisor, width / divisor]
    }

    fn output_shape(&self, input: &[usize], output: FusedOutput) -> TVec<usize> {
        let mut shape: TVec<usize> = input.into();
        let axes = shape.len() - 3;
        shape[axes..].copy_from_slice(&self.output_size(output));
        shape
    }
}

impl fmt::Debug for FusedConv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, shape, clip, outputs, .. } = self;
        write!(f, "{algorithm:?} {shape:?} {clip:?} {outputs:?} {} bytes", self.kernel.bytes())
    }
}

impl PartialEq for FusedConv {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kernel, &other.kernel)
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
        let images = inputs[0].try_as_plain_ram()?;
        let images = images.as_slice::<f32>()?;
        let residual = inputs.get(1).map(|tensor| tensor.try_as_plain_ram()).transpose()?;
        let residual = residual.as_ref().map(|view| view.as_slice::<f32>()).transpose()?;
        let outputs = self.outputs.iter().map(|&output| {
            // SAFETY: every element is written below, before it is read.
            unsafe { self.buffers.alloc(&self.output_shape(shape, output)) }
        });
        let mut outputs = outputs.collect::<TractResult<TVec<Tensor>>>()?;
        let mut views = TVec::new();
        for tensor in &mut outputs {
            views.push(tensor.try_as_plain_ram_mut()?);
        }
        let ConvShape { geometry, channels, .. } = self.shape;
        let size = channels[0] * geometry.input_area();
        ensure!(size > 0 && images.len().is_multiple_of(size), "input of {shape:?}");
        for (index, image) in images.chunks_exact(size).enumerate() {
            let size = channels[1] * geometry.output_area();
            let mut epilogue = Epilogue {
                conv: None,
                residual: residual.map(|residual| &residual[index * size..][..size]),
                sum: None,
                clip: self.clip,
                clipped: None,
            };
            let mut pooled = None;
            for (&output, view) in self.outputs.iter().zip(&mut views) {
                let size = self.output_size(output).iter().product();
                let array = match output {
                    FusedOutput::Conv => &mut epilogue.conv,
                    FusedOutput::Sum => &mut epilogue.sum,
                    FusedOutput::Clipped => &mut epilogue.clipped,
                    FusedOutput::Pooled => &mut pooled,
                };
                let image = &mut view.as_slice_mut::<f32>()?[index * size..][..size];
                *array = Some(SharedOutput::new(image));
            }
            self.kernel.run(&KernelArgs { image, geometry, epilogue, pooled });
        }
        drop(views);
        Ok(outputs.into_iter().map(|output| self.buffers.track(output)).collect())
    }

    op_out_of_plan!();
}

impl TypedOp for FusedConv {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = inputs[0].shape.as_concrete().context("the shape of the input is unknown")?;
        let fact = |&output: &FusedOutput| f32::fact(self.output_shape(shape, output));
        Ok(self.outputs.iter().map(fact).collect())
    }

    as_op!();
}
