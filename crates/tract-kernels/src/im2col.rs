//! Convolutions of any kernel, stride and dilation as one matrix product, with pixels as columns
//! (im2col).
//!
//! The weights, output channels × taps, are multiplied by the matrix of pixels, taps × outputs. Its
//! column for an output holds the pixels under the taps of all input channels. The matrix never
//! exists as a whole: each task gathers the columns that it needs.

use std::ops::Range;

use crate::conv_kernel::ConvKernel;
use crate::epilogue::Epilogue;
use crate::gemm::{GemmTile, pack_a, tile_rows};
use crate::geometry::{Geometry, copy_strided};
use crate::kernel_args::KernelArgs;
use crate::scratch::with_scratch;
use crate::simd::{Isa, Lanes, Simd, SimdOp, WIDTH, as_floats_mut};
use crate::thread_pool::{current_threads, parallel_for};

/// Bytes of the matrix of pixels that one task gathers. They stay in the second level cache while
/// all output channels of the task are computed.
const GATHERED_BYTES: usize = 256 << 10;

/// The least number of output channels of a task. With fewer, the time for gathering pixels would
/// matter.
const MIN_CHANNELS: usize = 64;

/// The weights of a convolution, packed as the left factor of the product.
pub(crate) struct Im2col {
    isa: Isa,
    outputs: usize,
    /// Taps of all input channels.
    depth: usize,
    tile_rows: usize,
    weights: Vec<Lanes>,
    bias: Vec<f32>,
}

impl Im2col {
    pub(crate) fn new(isa: Isa, weights: &[f32], bias: &[f32]) -> Self {
        let (outputs, depth) = (bias.len(), weights.len() / bias.len());
        let tile_rows = tile_rows(outputs, isa.max_rows(), isa.panel());
        let weights = pack_a(weights, depth, tile_rows);
        Self { isa, outputs, depth, tile_rows, weights, bias: bias.to_vec() }
    }

    /// Computes all outputs of some panels of pixels and some tiles of output channels.
    fn run_task(&self, args: &KernelArgs, panels: Range<usize>, tiles: Range<usize>) {
        let Self { isa, outputs, depth, tile_rows, ref weights, ref bias } = *self;
        let KernelArgs { image, ref geometry, epilogue, .. } = *args;
        let panel = isa.panel();
        let blocks = depth.div_ceil(WIDTH);
        let area = geometry.output_area();
        with_scratch([panels.len() * depth * panel, tile_rows * panel], |[columns, product]| {
            for (index, columns) in panels.clone().zip(columns.chunks_exact_mut(depth * panel)) {
                let first = index * panel * WIDTH;
                let last = area.min(first + panel * WIDTH);
                isa.dispatch(GatherColumns { geometry, image, first, last, columns });
            }
            for tile in tiles {
                let a = &weights[tile * blocks * tile_rows..];
                let rows = tile_rows.min(outputs - tile * tile_rows);
                for (index, b) in panels.clone().zip(columns.chunks_exact(depth * panel)) {
                    let c = &mut *product;
                    isa.dispatch(GemmTile { rows: tile_rows, depth, a, a_stride: tile_rows, b, c });
                    let first = index * panel * WIDTH;
                    isa.dispatch(StoreTile {
                        product,
                        panel,
                        bias: &bias[tile * tile_rows..][..rows],
                        offset: tile * tile_rows * area + first,
                        count: area.min(first + panel * WIDTH) - first,
                        area,
                        epilogue,
                    });
                }
            }
        });
    }
}

impl ConvKernel for Im2col {
    fn bytes(&self) -> usize {
        size_of_val(self.weights.as_slice())
    }

    fn run(&self, args: &KernelArgs) {
        let Self { isa, outputs, depth, tile_rows, .. } = *self;
        let panel = isa.panel() * WIDTH;
        let panels = args.geometry.output_area().div_ceil(panel);
        let chunk = (GATHERED_BYTES / (depth * panel * size_of::<f32>())).clamp(1, 16);
        // Enough tasks that no thread waits long for the last one.
        let threads = current_threads();
        let tasks = 4 * threads;
        let chunk = if threads == 1 { chunk } else { chunk.min(panels.div_ceil(tasks)) };
        let chunks = panels.div_ceil(chunk);
        let tiles = outputs.div_ceil(tile_rows);
        let groups = if threads == 1 { 1 } else { tasks.div_ceil(chunks) };
        let group = tiles.div_ceil(groups).max(MIN_CHANNELS.div_ceil(tile_rows));
        let groups = tiles.div_ceil(group);
        parallel_for(chunks * groups, |task| {
            let (first_panel, first_tile) = (task / groups * chunk, task % groups * group);
            let panels = first_panel..panels.min(first_panel + chunk);
            self.run_task(args, panels, first_tile..tiles.min(first_tile + group));
        });
    }
}

/// Stores a tile of the product.
struct StoreTile<'a> {
    product: &'a [Lanes],
    panel: usize,
    /// One for every row.
    bias: &'a [f32],
    /// Where the first row begins in the output. Rows are `area` apart and `count` long.
    offset: usize,
    count: usize,
    area: usize,
    epilogue: Epilogue<'a>,
}

impl SimdOp for StoreTile<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        for ((row, bias), sums) in
            self.bias.iter().enumerate().zip(self.product.chunks_exact(self.panel))
        {
            let bias = simd.splat(*bias);
            for (vector, sum) in sums[..self.count.div_ceil(WIDTH)].iter().enumerate() {
                let from = vector * WIDTH;
                let offset = self.offset + row * self.area + from;
                let sum = simd.add(simd.load(sum), bias);
                // SAFETY: no two tasks have both a channel and a pixel in common.
                unsafe { self.epilogue.apply(simd, sum, offset, WIDTH.min(self.count - from)) };
            }
        }
    }
}

/// Gathers a panel of columns: for every input channel and tap, the pixels that the outputs read.
struct GatherColumns<'a> {
    geometry: &'a Geometry,
    image: &'a [f32],
    /// The first output, and the one after the last, counted row by row.
    first: usize,
    last: usize,
    columns: &'a mut [Lanes],
}

impl SimdOp for GatherColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        let geometry = *self.geometry;
        let Geometry { window, output, .. } = geometry;
        let area = geometry.input_area();
        let panel = S::PANEL;
        if window.is_pointwise() {
            let planes = self.image.chunks_exact(area);
            for (plane, to) in planes.zip(self.columns.chunks_exact_mut(panel)) {
                let mut pixels = plane[self.first..self.last].chunks(WIDTH);
                for to in to {
                    simd.store(simd.load_slice(pixels.next().unwrap_or_default()), to);
                }
            }
            return;
        }
        self.columns.fill(Lanes::default());
        let mut runs = [OutputRun::default(); 2 * WIDTH];
        let mut count = 0;
        let mut next = self.first;
        while next < self.last {
            let start = [next / output[1], next % output[1]];
            let length = (output[1] - start[1]).min(self.last - next);
            runs[count] = OutputRun { start, length, offset: next - self.first };
            count += 1;
            next += length;
        }
        let [height, width] = window.kernel;
        let mut rows = self.columns.chunks_exact_mut(panel);
        for plane in self.image.chunks_exact(area) {
            for tap in (0..height).flat_map(|y| (0..width).map(move |x| [y, x])) {
                let Some(to) = rows.next() else { return };
                let to = as_floats_mut(to);
                for run in &runs[..count] {
                    run.copy(&geometry, plane, tap, to);
                }
            }
        }
    }
}

/// Adjacent outputs in one row.
#[derive(Clone, Copy, Default)]
struct OutputRun {
    /// Row and column of the first output.
    start: [usize; 2],
    length: usize,
    /// The place of the first output in the panel.
    offset: usize,
}

impl OutputRun {
    /// Copies the pixels that the outputs read at one tap. Pixels beside the image are left out,
    /// because `to` is zero there already.
    #[inline(always)]
    fn copy(&self, geometry: &Geometry, plane: &[f32], tap: [usize; 2], to: &mut [f32]) {
        let Geometry { window, input: [height, width], .. } = *geometry;
        let [stride_y, stride] = window.stride;
        let tap = [tap[0] * window.dilation[0], tap[1] * window.dilation[1]];
        // Wraps around where the row is above the image.
        let y = (self.start[0] * stride_y + tap[0]).wrapping_sub(window.pad_before[0]);
        if y >= height {
            return;
        }
        // Columns of outputs: the first that reads inside the image, and the first beyond.
        let column = self.start[1];
        let inside = window.pad_before[1].saturating_sub(tap[1]).div_ceil(stride);
        let beyond = (width + window.pad_before[1]).saturating_sub(tap[1]).div_ceil(stride);
        let skipped = inside.saturating_sub(column);
        let end = beyond.saturating_sub(column).min(self.length);
        if skipped < end {
            let x = (column + skipped) * stride + tap[1] - window.pad_before[1];
            let from = &plane[y * width + x..(y + 1) * width];
            copy_strided(stride, from, &mut to[self.offset + skipped..self.offset + end]);
        }
    }
}
