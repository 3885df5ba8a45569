//! 3×3 convolutions with stride 1, by Winograd's minimal filtering.
//!
//! 1. Each input tile is transformed to 36 points (16 for the smaller tiles).
//! 2. At each point the convolution is a matrix product: tiles × input channels, times input
//!    channels × output channels.
//! 3. The products are transformed back to output tiles of 4×4 (2×2).
//!
//! That takes 2.25 multiplications (4) for each output and channel instead of 9. The weights are
//! transformed once, in advance.
//!
//! Where a bias is zero, outputs whose window holds nothing but zeros are set to the bias, see
//! [`zero_windows`].

mod input_transform;
mod output_transform;
mod tile_blocks;
mod tile_transforms;
mod zero_windows;

use self::input_transform::InputTransform;
use self::output_transform::OutputTransform;
use self::tile_blocks::{BlockLayout, TileBlock, TileBlocks};
use self::zero_windows::NonzeroPixels;
use crate::channel_block::ChannelBlock;
use crate::conv_kernel::ConvKernel;
use crate::gemm::{GemmTile, pack_a};
use crate::kernel_args::KernelArgs;
use crate::scratch::with_scratch;
use crate::simd::{Isa, Lanes, WIDTH};
use crate::thread_pool::{current_threads, parallel_chunks, parallel_for};

/// The most tiles of a block. Their points at 64 channels and their products stay in the second
/// level cache.
const TILES_PER_BLOCK: usize = 100;

/// The transformed weights of a convolution.
pub(crate) struct Winograd {
    isa: Isa,
    /// The side of an output tile, 2 or 4.
    output_tile: usize,
    /// Input and output channels.
    channels: [usize; 2],
    /// For every panel of output channels, every point and every input channel, the panel.
    weights: Vec<Lanes>,
    bias: Vec<Lanes>,
    /// Whether the bias of some channel is zero.
    has_zero_bias: bool,
}

impl Winograd {
    /// `output_tile` is the side of an output tile, 2 or 4.
    pub(crate) fn new(isa: Isa, output_tile: usize, weights: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        let inputs = weights.len() / outputs / 9;
        let (panel, points) = (isa.panel(), (output_tile + 2) * (output_tile + 2));
        let panels = outputs.div_ceil(panel * WIDTH);
        let mut transformed = vec![Lanes::default(); panels * points * inputs * panel];
        parallel_chunks(&mut transformed, points * inputs * panel, |index, chunk| {
            for (input, vector) in (0..inputs).flat_map(|i| (0..panel).map(move |v| (i, v))) {
                let mut taps = [[0.0; WIDTH]; 9];
                let first = (index * panel + vector) * WIDTH;
                for (lane, output) in (first..outputs.min(first + WIDTH)).enumerate() {
                    let kernel = &weights[(output * inputs + input) * 9..][..9];
                    for (tap, &weight) in taps.iter_mut().zip(kernel) {
                        tap[lane] = f64::from(weight);
                    }
                }
                tile_transforms::weight_tile(output_tile, &taps, |point, lanes| {
                    chunk[(point * inputs + input) * panel + vector] = Lanes(lanes);
                });
            }
        });
        let has_zero_bias = bias.contains(&0.0);
        let bias = pack_a(bias, bias.len(), 1);
        Self {
            isa,
            output_tile,
            channels: [inputs, outputs],
            weights: transformed,
            bias,
            has_zero_bias,
        }
    }
}

impl ConvKernel for Winograd {
    fn bytes(&self) -> usize {
        size_of_val(self.weights.as_slice())
    }

    fn run(&self, args: &KernelArgs) {
        match self.output_tile {
            2 => Run::<4, 2> { kernel: self, args }.run(),
            _ => Run::<6, 4> { kernel: self, args }.run(),
        }
    }
}

/// The convolution of one image. `IN` is the side of an input tile, `OUT` that of an output tile.
struct Run<'a, const IN: usize, const OUT: usize> {
    kernel: &'a Winograd,
    args: &'a KernelArgs<'a>,
}

impl<const IN: usize, const OUT: usize> Run<'_, IN, OUT> {
    fn run(&self) {
        let tiles = self.args.geometry.output.map(|length| length.div_ceil(OUT));
        let blocks = TileBlocks::new(tiles, TILES_PER_BLOCK);
        if blocks.count() >= current_threads().max(2) {
            parallel_for(blocks.count(), |index| self.run_block(blocks.get(index), blocks.size));
        } else {
            self.run_as_one_block(TileBlock { start: [0; 2], size: tiles });
        }
    }

    /// Computes one block on this thread, one panel of output channels after the other. The
    /// heights of GEMM tiles suit blocks of the size `largest`.
    fn run_block(&self, block: TileBlock, largest: [usize; 2]) {
        let Winograd { isa, channels: [inputs, outputs], .. } = *self.kernel;
        let layout = BlockLayout::new::<IN, OUT>(isa, block, largest);
        let panel = isa.panel();
        let nonzero = NonzeroPixels::new::<IN, OUT>(block, self.kernel.has_zero_bias);
        let sizes =
            [layout.points_size * inputs.div_ceil(WIDTH), layout.products_size, layout.pixels_size];
        with_scratch(sizes, |[points, products, pixels]| {
            for (index, points) in points.chunks_exact_mut(layout.points_size).enumerate() {
                self.transform_input(&layout, index, pixels, points);
                nonzero.add(pixels);
            }
            let zeros = nonzero.zero_windows::<OUT>(block);
            for panel_index in 0..outputs.div_ceil(panel * WIDTH) {
                for (point, product) in products.chunks_exact_mut(layout.product_stride).enumerate()
                {
                    self.multiply(&layout, panel_index, point, points, product);
                }
                for vector in 0..panel {
                    let index = panel_index * panel + vector;
                    self.transform_output(&layout, index, products, &zeros, pixels);
                }
            }
        });
    }

    /// Computes the whole image as one block, with all threads at the same step. This suits small
    /// images, for which reading the weights is most of the work.
    fn run_as_one_block(&self, block: TileBlock) {
        let Winograd { isa, channels: [inputs, outputs], .. } = *self.kernel;
        let layout = BlockLayout::new::<IN, OUT>(isa, block, block.size);
        let panel = isa.panel();
        let panels = outputs.div_ceil(panel * WIDTH);
        let nonzero = NonzeroPixels::new::<IN, OUT>(block, self.kernel.has_zero_bias);
        let sizes = [layout.points_size * inputs.div_ceil(WIDTH), layout.products_size * panels];
        with_scratch(sizes, |[points, products]| {
            parallel_chunks(points, layout.points_size, |index, points| {
                with_scratch([layout.pixels_size], |[pixels]| {
                    self.transform_input(&layout, index, pixels, points);
                    nonzero.add(pixels);
                });
            });
            let zeros = nonzero.zero_windows::<OUT>(block);
            parallel_chunks(products, layout.product_stride, |task, product| {
                let (panel_index, point) = (task / (IN * IN), task % (IN * IN));
                self.multiply(&layout, panel_index, point, points, product);
            });
            parallel_for(outputs.div_ceil(WIDTH), |index| {
                let products = &products[index / panel * layout.products_size..];
                with_scratch([layout.pixels_size], |[pixels]| {
                    self.transform_output(&layout, index, products, &zeros, pixels);
                });
            });
        });
    }

    /// Transforms the input tiles of channel block `index`.
    fn transform_input(
        &self,
        layout: &BlockLayout,
        index: usize,
        pixels: &mut [Lanes],
        points: &mut [Lanes],
    ) {
        let KernelArgs { image, ref geometry, .. } = *self.args;
        let channels = ChannelBlock::new(image, index, geometry.input, geometry.window.pad_before);
        let BlockLayout { block, point_stride, .. } = *layout;
        self.kernel.isa.dispatch(InputTransform::<IN, OUT> {
            channels,
            block,
            pixels,
            points,
            point_stride,
        });
    }

    /// Multiplies all tiles of a block by one panel of the weights at one point.
    fn multiply(
        &self,
        layout: &BlockLayout,
        panel_index: usize,
        point: usize,
        points: &[Lanes],
        product: &mut [Lanes],
    ) {
        let Winograd { isa, channels: [depth, _], ref weights, .. } = *self.kernel;
        let BlockLayout { block, tile_rows, point_stride, points_size, .. } = *layout;
        let panel = isa.panel();
        let size = depth * panel;
        let b = &weights[(panel_index * IN * IN + point) * size..][..size];
        for (index, c) in product.chunks_exact_mut(tile_rows * panel).enumerate() {
            if index * tile_rows < block.tiles() {
                let a = &points[point * point_stride + index * tile_rows..];
                isa.dispatch(GemmTile { rows: tile_rows, depth, a, a_stride: points_size, b, c });
            }
        }
    }

    /// Transforms the products of channel block `index` to output tiles. The output pixels `zeros`
    /// have windows of zeros.
    fn transform_output(
        &self,
        layout: &BlockLayout,
        index: usize,
        products: &[Lanes],
        zeros: &[usize],
        pixels: &mut [Lanes],
    ) {
        let Winograd { isa, channels: [_, outputs], ref bias, .. } = *self.kernel;
        let KernelArgs { ref geometry, epilogue, pooled, .. } = *self.args;
        if index * WIDTH >= outputs {
            return;
        }
        let BlockLayout { block, product_stride, .. } = *layout;
        let panel = isa.panel();
        isa.dispatch(OutputTransform::<IN, OUT> {
            products: &products[index % panel..],
            product_stride,
            panel,
            bias: &bias[index],
            channels: [index * WIDTH, outputs.min((index + 1) * WIDTH)],
            output: geometry.output,
            block,
            zeros,
            pixels: &mut pixels[..block.tiles() * OUT * OUT],
            epilogue,
            pooled,
        });
    }
}
