//! Convolutions of small images as one matrix product, with pixels as rows (im2row).
//!
//! The product is that of `im2col` with its factors exchanged and transposed: the matrix of pixels,
//! outputs × taps, times the weights, taps × output channels. However few the pixels are, the
//! vectors are full, because they hold channels. And the weights, which are most of what is read
//! for small images, are read in order.

use std::ops::Range;

use crate::channel_block::{ChannelBlock, PackChannelBlock};
use crate::conv_kernel::ConvKernel;
use crate::epilogue::Epilogue;
use crate::gemm::{GemmTile, odd_stride, pack_a, tile_rows};
use crate::geometry::{Geometry, Window};
use crate::kernel_args::KernelArgs;
use crate::scratch::with_scratch;
use crate::simd::{Isa, Lanes, Simd, SimdOp, WIDTH};
use crate::thread_pool::{current_threads, parallel_chunks, parallel_for};

/// The weights of a convolution, packed as the right factor of the product.
pub(crate) struct Im2row {
    isa: Isa,
    /// Input and output channels.
    channels: [usize; 2],
    /// The length of the sums. The channels of each tap are filled up to a multiple of sixteen; a
    /// single tap does not need that.
    depth: usize,
    /// For every panel of output channels, every sixteen input channels, every tap, and each of the
    /// sixteen, the panel.
    weights: Vec<Lanes>,
    bias: Vec<Lanes>,
}

/// The matrix of pixels of one image, packed as the left factor of the product.
#[derive(Clone, Copy)]
struct PixelRows<'a> {
    rows: &'a [Lanes],
    stride: usize,
    /// The height of a tile.
    tile_rows: usize,
    /// Outputs of a channel, which is the number of rows.
    area: usize,
}

impl Im2row {
    pub(crate) fn new(isa: Isa, window: Window, weights: &[f32], bias: &[f32]) -> Self {
        let (outputs, taps) = (bias.len(), window.taps());
        let inputs = weights.len() / outputs / taps;
        let depth = if taps == 1 { inputs } else { taps * inputs.next_multiple_of(WIDTH) };
        let panel = isa.panel();
        let panels = outputs.div_ceil(panel * WIDTH);
        let mut packed = vec![Lanes::default(); panels * depth * panel];
        parallel_chunks(&mut packed, depth * panel, |index, chunk| {
            let first = index * panel * WIDTH;
            for output in first..outputs.min(first + panel * WIDTH) {
                let (vector, lane) = ((output - first) / WIDTH, output % WIDTH);
                let kernels = weights[output * inputs * taps..].chunks_exact(taps);
                for (input, kernel) in kernels.take(inputs).enumerate() {
                    for (tap, &weight) in kernel.iter().enumerate() {
                        let k = (input / WIDTH * taps + tap) * WIDTH + input % WIDTH;
                        chunk[k * panel + vector].0[lane] = weight;
                    }
                }
            }
        });
        let bias = pack_a(bias, outputs, 1);
        Self { isa, channels: [inputs, outputs], depth, weights: packed, bias }
    }

    /// Computes the outputs of some tiles of pixels and one panel of channels.
    fn run_task(
        &self,
        pixel_rows: PixelRows,
        panel_index: usize,
        tiles: Range<usize>,
        epilogue: Epilogue,
    ) {
        let Self { isa, channels: [_, outputs], depth, .. } = *self;
        let PixelRows { rows, stride: a_stride, tile_rows, area } = pixel_rows;
        let panel = isa.panel();
        let b = &self.weights[panel_index * depth * panel..][..depth * panel];
        with_scratch([tiles.len() * tile_rows * panel], |[products]| {
            for (tile, c) in tiles.clone().zip(products.chunks_exact_mut(tile_rows * panel)) {
                let a = &rows[tile * tile_rows..];
                isa.dispatch(GemmTile { rows: tile_rows, depth, a, a_stride, b, c });
            }
            let pixels = tiles.start * tile_rows..area.min(tiles.end * tile_rows);
            for vector in 0..panel {
                let block = panel_index * panel + vector;
                let channels = block * WIDTH..outputs.min((block + 1) * WIDTH);
                let Some(bias) = self.bias.get(block).filter(|_| !channels.is_empty()) else {
                    break;
                };
                let products = &products[vector..];
                let pixels = pixels.clone();
                isa.dispatch(StoreChannels {
                    products,
                    panel,
                    bias,
                    channels,
                    pixels,
                    area,
                    epilogue,
                });
            }
        });
    }
}

impl ConvKernel for Im2row {
    fn bytes(&self) -> usize {
        size_of_val(self.weights.as_slice())
    }

    fn run(&self, args: &KernelArgs) {
        let Self { isa, channels: [inputs, outputs], .. } = *self;
        let KernelArgs { image, geometry, epilogue, .. } = *args;
        let Geometry { window, input, .. } = geometry;
        let (taps, area) = (window.taps(), geometry.output_area());
        let tile_rows = tile_rows(area, isa.max_rows(), isa.panel());
        let stride = odd_stride(area.next_multiple_of(tile_rows));
        let padded = geometry.padded();
        let panels = outputs.div_ceil(isa.panel() * WIDTH);
        let tiles = area.div_ceil(tile_rows);
        // Few panels are divided into groups of tiles, so that no thread waits long for the last
        // task.
        let threads = current_threads();
        let groups = if threads == 1 { 1 } else { (3 * threads).div_ceil(panels).min(tiles) };
        let group = tiles.div_ceil(groups);
        with_scratch([inputs.div_ceil(WIDTH) * taps * stride], |[rows]| {
            parallel_chunks(rows, taps * stride, |index, rows| {
                let block = ChannelBlock::new(image, index, input, window.pad_before);
                if window.is_pointwise() {
                    let packed = &mut rows[..area];
                    return isa.dispatch(PackChannelBlock { block, row_length: input[1], packed });
                }
                with_scratch([padded[0] * padded[1]], |[packed]| {
                    isa.dispatch(PackChannelBlock { block, row_length: padded[1], packed });
                    for (tap, rows) in rows.chunks_exact_mut(stride).enumerate() {
                        copy_tap(&geometry, tap, packed, rows);
                    }
                });
            });
            let pixel_rows = PixelRows { rows, stride, tile_rows, area };
            parallel_for(panels * tiles.div_ceil(group), |task| {
                let (panel, first) = (task % panels, task / panels * group);
                self.run_task(pixel_rows, panel, first..tiles.min(first + group), epilogue);
            });
        });
    }
}

/// Copies the pixels that the outputs read at one tap, from a padded channel block.
fn copy_tap(geometry: &Geometry, tap: usize, pixels: &[Lanes], to: &mut [Lanes]) {
    let Geometry { window, output, .. } = geometry;
    let padded_width = geometry.padded()[1];
    let [down, across] = window.stride;
    let y = tap / window.kernel[1] * window.dilation[0];
    let x = tap % window.kernel[1] * window.dilation[1];
    for (row, to) in to.chunks_mut(output[1]).take(output[0]).enumerate() {
        let from = pixels[(y + row * down) * padded_width + x..].iter().step_by(across);
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}

/// Transposes sixteen channels of a product to NCHW and stores them.
struct StoreChannels<'a> {
    /// For every pixel a panel of vectors, of which the first one is read.
    products: &'a [Lanes],
    panel: usize,
    bias: &'a Lanes,
    channels: Range<usize>,
    pixels: Range<usize>,
    /// Pixels of a channel.
    area: usize,
    epilogue: Epilogue<'a>,
}

impl SimdOp for StoreChannels<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        let bias = simd.load(self.bias);
        let last = self.pixels.end;
        for (run, first) in self.pixels.step_by(WIDTH).enumerate() {
            let products = self.products[run * WIDTH * self.panel..].iter().step_by(self.panel);
            let count = WIDTH.min(last - first);
            let mut vectors = [bias; WIDTH];
            for (vector, sum) in vectors.iter_mut().zip(products).take(count) {
                *vector = simd.add(simd.load(sum), bias);
            }
            simd.transpose(&mut vectors);
            for (channel, vector) in self.channels.clone().zip(vectors) {
                let offset = channel * self.area + first;
                // SAFETY: no two tasks have both a channel and a pixel in common.
                unsafe { self.epilogue.apply(simd, vector, offset, count) };
            }
        }
    }
}
