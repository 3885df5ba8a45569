//! Depthwise convolutions: each channel has a kernel of its own.

use crate::conv_kernel::ConvKernel;
use crate::kernel_args::KernelArgs;
use crate::simd::{Isa, Simd};
use crate::sliding_window::{WindowReduction, reduce_windows};

/// A kernel and a bias for each channel.
pub(crate) struct Depthwise {
    isa: Isa,
    /// By channel, row, column.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    pub(crate) fn new(isa: Isa, weights: &[f32], bias: &[f32]) -> Self {
        Self { isa, weights: weights.to_vec(), bias: bias.to_vec() }
    }
}

impl ConvKernel for Depthwise {
    fn bytes(&self) -> usize {
        size_of_val(self.weights.as_slice())
    }

    fn run(&self, args: &KernelArgs) {
        let taps = args.geometry.window.taps();
        reduce_windows(self.isa, args, |channel| WeightedSum {
            weights: &self.weights[channel * taps..][..taps],
            bias: self.bias[channel],
        });
    }
}

/// bias + Σ weight · pixel
struct WeightedSum<'a> {
    weights: &'a [f32],
    bias: f32,
}

impl WindowReduction for WeightedSum<'_> {
    const PADDING: f32 = 0.0;

    #[inline(always)]
    fn init<S: Simd>(&self, simd: S) -> S::Vector {
        simd.splat(self.bias)
    }

    #[inline(always)]
    fn accumulate<S: Simd>(
        &self,
        simd: S,
        tap: usize,
        pixels: S::Vector,
        sum: S::Vector,
    ) -> S::Vector {
        simd.mul_add(simd.splat(self.weights[tap]), pixels, sum)
    }
}
