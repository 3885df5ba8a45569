use crate::kernel_args::KernelArgs;

/// A convolution with its weights, packed for one algorithm.
pub(crate) trait ConvKernel: Send + Sync {
    /// Memory that the weights take, in bytes.
    fn bytes(&self) -> usize;

    /// Convolves one image.
    fn run(&self, args: &KernelArgs);
}
