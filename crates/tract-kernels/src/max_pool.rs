//! Max-pools of any window.

use crate::epilogue::Epilogue;
use crate::geometry::Geometry;
use crate::kernel_args::KernelArgs;
use crate::shared_output::SharedOutput;
use crate::simd::{Isa, Simd};
use crate::sliding_window::{WindowReduction, reduce_windows};

/// The greatest pixel under each position of the window, for every channel of `image`. NaN is
/// skipped.
pub(crate) fn max_pool(isa: Isa, geometry: Geometry, image: &[f32], output: &mut [f32]) {
    let epilogue = Epilogue::store_only(SharedOutput::new(output));
    let args = KernelArgs { image, geometry, epilogue, pooled: None };
    reduce_windows(isa, &args, |_| Maximum);
}

struct Maximum;

impl WindowReduction for Maximum {
    const PADDING: f32 = f32::NEG_INFINITY;

    #[inline(always)]
    fn init<S: Simd>(&self, simd: S) -> S::Vector {
        simd.splat(f32::NEG_INFINITY)
    }

    #[inline(always)]
    fn accumulate<S: Simd>(
        &self,
        simd: S,
        _: usize,
        pixels: S::Vector,
        greatest: S::Vector,
    ) -> S::Vector {
        simd.max(pixels, greatest)
    }
}
