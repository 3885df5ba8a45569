//! Reductions of the pixels under a sliding window, for each channel by itself: the common part of
//! depthwise convolutions and max-pools.

use crate::epilogue::Epilogue;
use crate::geometry::copy_strided;
use crate::kernel_args::KernelArgs;
use crate::polyphase::{PolyphaseLayout, STEP};
use crate::scratch::with_scratch;
use crate::simd::{Isa, Lanes, Simd, SimdOp, WIDTH, as_floats, as_floats_mut};
use crate::thread_pool::{current_threads, parallel_for};

/// How the pixels under a window are reduced to one value.
pub(crate) trait WindowReduction {
    /// The value of the pixels beside the image.
    const PADDING: f32;

    /// The value before the first tap.
    fn init<S: Simd>(&self, simd: S) -> S::Vector;

    /// The value `so_far`, combined with the pixels under `tap`.
    fn accumulate<S: Simd>(
        &self,
        simd: S,
        tap: usize,
        pixels: S::Vector,
        so_far: S::Vector,
    ) -> S::Vector;
}

/// Reduces the pixels under each position of the window. `reduction` gives the reduction of a
/// channel.
pub(crate) fn reduce_windows<R: WindowReduction>(
    isa: Isa,
    args: &KernelArgs,
    reduction: impl Fn(usize) -> R + Sync,
) {
    let KernelArgs { image, ref geometry, epilogue, .. } = *args;
    let layout = PolyphaseLayout::new(geometry);
    let area = geometry.input_area();
    let channels = image.len() / area;
    let channels_per_task = channels.div_ceil(8 * current_threads());
    parallel_for(channels.div_ceil(channels_per_task), |task| {
        with_scratch([layout.lanes()], |[phases]| {
            as_floats_mut(phases).fill(R::PADDING);
            for channel in task * channels_per_task..channels.min((task + 1) * channels_per_task) {
                isa.dispatch(ReduceChannel {
                    layout: &layout,
                    plane: &image[channel * area..][..area],
                    reduction: reduction(channel),
                    phases,
                    offset: channel * geometry.output_area(),
                    epilogue,
                });
            }
        });
    });
}

/// Reduces the windows of one channel of one image.
struct ReduceChannel<'a, R> {
    layout: &'a PolyphaseLayout,
    /// The pixels of the channel.
    plane: &'a [f32],
    reduction: R,
    /// Scratch memory for the padded channel in polyphase layout, filled with the padding.
    phases: &'a mut [Lanes],
    /// Where the channel begins in the output.
    offset: usize,
    epilogue: Epilogue<'a>,
}

impl<R: WindowReduction> SimdOp for ReduceChannel<'_, R> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        let layout = self.layout;
        let phases = as_floats_mut(self.phases);
        let [top, left] = layout.pad_before;
        let stride = layout.stride[1];
        for (y, row) in self.plane.chunks_exact(layout.input[1]).enumerate() {
            if stride == 1 {
                let to = &mut phases[layout.offset([y + top, left])..][..row.len()];
                for (to, from) in to.chunks_mut(WIDTH).zip(row.chunks(WIDTH)) {
                    simd.store_slice(simd.load_slice(from), to);
                }
                continue;
            }
            for first in 0..stride.min(row.len()) {
                let to = &mut phases[layout.offset([y + top, first + left])..];
                copy_strided(
                    stride,
                    &row[first..],
                    &mut to[..(row.len() - first).div_ceil(stride)],
                );
            }
        }
        match layout.output[1].div_ceil(WIDTH) {
            1 => self.steps::<S, STEP, 1>(simd),
            2 => self.steps::<S, { STEP / 2 }, 2>(simd),
            _ => self.steps::<S, 1, STEP>(simd),
        }
    }
}

impl<R: WindowReduction> ReduceChannel<'_, R> {
    /// Goes over the output in steps of `ROWS` rows by `VECTORS` vectors.
    #[inline(always)]
    fn steps<S: Simd, const ROWS: usize, const VECTORS: usize>(&self, simd: S) {
        let phases = as_floats(self.phases);
        let [height, width] = self.layout.output;
        let row_stride = self.layout.phase_size[1];
        for y in (0..height).step_by(ROWS) {
            for x in (0..width).step_by(VECTORS * WIDTH) {
                let mut vectors = [[self.reduction.init(simd); VECTORS]; ROWS];
                let corner = &phases[y * row_stride + x..];
                for (tap, &offset) in self.layout.tap_offsets.iter().enumerate() {
                    let pixels = &corner[offset..][..(ROWS - 1) * row_stride + VECTORS * WIDTH];
                    for (row, vectors) in vectors.iter_mut().enumerate() {
                        let pixels = &pixels[row * row_stride..][..VECTORS * WIDTH];
                        let pixels = pixels.as_chunks::<WIDTH>().0;
                        for (vector, pixels) in vectors.iter_mut().zip(pixels) {
                            let pixels = simd.load_slice(pixels);
                            *vector = self.reduction.accumulate(simd, tap, pixels, *vector);
                        }
                    }
                }
                for (y, vectors) in (y..height).zip(vectors) {
                    for (x, vector) in (x..width).step_by(WIDTH).zip(vectors) {
                        let offset = self.offset + y * width + x;
                        let count = WIDTH.min(width - x);
                        // SAFETY: each channel is computed by one thread.
                        unsafe { self.epilogue.apply(simd, vector, offset, count) };
                    }
                }
            }
        }
    }
}
