//! The epilogue of a convolution: what is computed while its output is still in registers.

use crate::shared_output::SharedOutput;
use crate::simd::Simd;

/// The bounds of an activation: ReLU is (0, ∞), ReLU6 is (0, 6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clip {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Clip {
    pub(crate) const NONE: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY };

    /// min(high, max(low, x)) for each lane. NaN stays NaN.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, simd: S, vector: S::Vector) -> S::Vector {
        simd.min(simd.splat(self.high), simd.max(simd.splat(self.low), vector))
    }
}

/// Adds a residual to the output of a convolution, clips the sum, and stores those of the three
/// values that have an output array. All arrays have the shape of the convolution's output.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    /// Receives the convolution with its bias.
    pub(crate) conv: Option<SharedOutput<'a>>,
    pub(crate) residual: Option<&'a [f32]>,
    /// Receives the convolution plus the residual.
    pub(crate) sum: Option<SharedOutput<'a>>,
    pub(crate) clip: Clip,
    /// Receives the clipped sum.
    pub(crate) clipped: Option<SharedOutput<'a>>,
}

impl<'a> Epilogue<'a> {
    /// Stores to `output` and does nothing else.
    pub(crate) fn store_only(output: SharedOutput<'a>) -> Self {
        let [sum, clipped] = [None; 2];
        Self { conv: Some(output), residual: None, sum, clip: Clip::NONE, clipped }
    }

    /// Applies the epilogue to `count` adjacent outputs, the first lanes of `y`, which begin at
    /// `offset`.
    ///
    /// # Safety
    /// No two calls at the same time have an output in common.
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd>(
        &self,
        simd: S,
        mut y: S::Vector,
        offset: usize,
        count: usize,
    ) {
        if let Some(output) = self.conv {
            // SAFETY: as the caller promises.
            simd.store_slice(y, unsafe { output.slice_mut(offset, count) });
        }
        if let Some(residual) = self.residual {
            y = simd.add(y, simd.load_slice(&residual[offset..offset + count]));
        }
        if let Some(output) = self.sum {
            // SAFETY: as the caller promises.
            simd.store_slice(y, unsafe { output.slice_mut(offset, count) });
        }
        if let Some(output) = self.clipped {
            // SAFETY: as the caller promises.
            simd.store_slice(self.clip.apply(simd, y), unsafe { output.slice_mut(offset, count) });
        }
    }
}
