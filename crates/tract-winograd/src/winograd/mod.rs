//! Convolutions by 3×3 with stride 1, by Winograd's minimal filtering.
//!
//! Tiles of the picture are transformed to 36 points (or 16), where the convolution is a product of
//! matrices at each point, tiles × input channels by input channels × output channels; the products
//! are transformed back to tiles of 4×4 outputs (or 2×2). That is 2.25 multiplications an output
//! and channel (or 4) instead of 9. The weights are transformed once.

mod blocks;
mod gather;
mod scatter;
mod transform;

use self::blocks::{Block, Blocks};
use self::gather::{Gather, extent};
use self::scatter::Scatter;
use crate::finish::{Finish, Places};
use crate::planes::Planes;
use crate::product::{Tile, pack_rows, spread, tile_height};
use crate::scratch::lend;
use crate::simd::{Isa, Lanes, WIDTH};
use crate::team::{share, share_chunks, threads};

/// Tiles in a block at most: their points at 64 channels, and the products, stay in the second
/// level cache.
const BLOCK: usize = 100;

/// Weights of a convolution, transformed.
pub(crate) struct Winograd {
    isa: Isa,
    side: usize,
    /// Input and output channels.
    channels: [usize; 2],
    /// Zeros above and to the left.
    before: [usize; 2],
    /// For every panel of output channels, every point and every input channel, the panel.
    weights: Vec<Lanes>,
    bias: Vec<Lanes>,
}

/// One picture on its way through.
struct Pass<'a, const POINTS: usize, const SIDE: usize> {
    layer: &'a Winograd,
    picture: &'a [f32],
    input: [usize; 2],
    output: [usize; 2],
    finish: Finish<'a>,
    pooled: Option<Places<'a>>,
}

impl Winograd {
    /// Transforms `weights`, which stand by output channel, input channel, row, column. `side` is
    /// that of an output tile, 2 or 4.
    pub(crate) fn new(
        isa: Isa,
        side: usize,
        weights: &[f32],
        bias: &[f32],
        before: [usize; 2],
    ) -> Self {
        let outputs = bias.len();
        let inputs = weights.len() / outputs / 9;
        let (panel, points) = (isa.panel(), (side + 2) * (side + 2));
        let panels = outputs.div_ceil(panel * WIDTH);
        let mut transformed = vec![Lanes::default(); panels * points * inputs * panel];
        share_chunks(&mut transformed, points * inputs * panel, |index, chunk| {
            for (input, vector) in (0..inputs).flat_map(|i| (0..panel).map(move |v| (i, v))) {
                let mut taps = [[0.0; WIDTH]; 9];
                let first = (index * panel + vector) * WIDTH;
                for (lane, output) in (first..outputs.min(first + WIDTH)).enumerate() {
                    let kernel = &weights[(output * inputs + input) * 9..][..9];
                    for (tap, &weight) in taps.iter_mut().zip(kernel) {
                        tap[lane] = f64::from(weight);
                    }
                }
                transform::weight_tile(side, &taps, |point, lanes| {
                    chunk[(point * inputs + input) * panel + vector] = Lanes(lanes);
                });
            }
        });
        let bias = pack_rows(bias, bias.len(), 1);
        Self { isa, side, channels: [inputs, outputs], before, weights: transformed, bias }
    }

    /// Bytes that the weights take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.weights.as_slice())
    }

    /// Convolves one picture, channels × height × width of `input`, to `output`.
    pub(crate) fn run(
        &self,
        picture: &[f32],
        input: [usize; 2],
        output: [usize; 2],
        finish: Finish,
        pooled: Option<Places>,
    ) {
        match self.side {
            2 => Pass::<4, 2> { layer: self, picture, input, output, finish, pooled }.run(),
            _ => Pass::<6, 4> { layer: self, picture, input, output, finish, pooled }.run(),
        }
    }
}

impl<const POINTS: usize, const SIDE: usize> Pass<'_, POINTS, SIDE> {
    fn run(&self) {
        let tiles = self.output.map(|length| length.div_ceil(SIDE));
        let blocks = Blocks::cut(tiles, BLOCK);
        if blocks.count() >= threads().max(2) {
            share(blocks.count(), |index| self.block(blocks.get(index), blocks.size));
        } else {
            self.together(Block { start: [0; 2], size: tiles });
        }
    }

    /// A block by one thread, panel after panel of the output channels.
    fn block(&self, block: Block, largest: [usize; 2]) {
        let Winograd { isa, channels: [inputs, outputs], .. } = *self.layer;
        let (panel, depth) = (isa.panel(), inputs.div_ceil(WIDTH));
        let height = tile_height(largest[0] * largest[1], isa.rows(), panel);
        let stride = spread(block.tiles().next_multiple_of(height));
        let product_stride = spread(block.tiles().next_multiple_of(height) * panel);
        let points = POINTS * POINTS;
        let sizes =
            [points * stride * depth, points * product_stride, pixels::<POINTS, SIDE>(block)];
        lend(sizes, |[transformed, products, pixels]| {
            for (slice, chunk) in transformed.chunks_exact_mut(points * stride).enumerate() {
                self.gather(block, slice, stride, pixels, chunk);
            }
            for index in 0..outputs.div_ceil(panel * WIDTH) {
                for (point, product) in products.chunks_exact_mut(product_stride).enumerate() {
                    self.multiply(block, height, index, point, transformed, stride, product);
                }
                for vector in 0..panel {
                    self.scatter(block, index * panel + vector, products, product_stride, pixels);
                }
            }
        });
    }

    /// The whole picture as one block by all threads, step after step: for pictures so small that
    /// reading the weights is most of the work.
    fn together(&self, block: Block) {
        let Winograd { isa, channels: [inputs, outputs], .. } = *self.layer;
        let (panel, depth) = (isa.panel(), inputs.div_ceil(WIDTH));
        let panels = outputs.div_ceil(panel * WIDTH);
        let height = tile_height(block.tiles(), isa.rows(), panel);
        let stride = spread(block.tiles().next_multiple_of(height));
        let product_stride = spread(block.tiles().next_multiple_of(height) * panel);
        let points = POINTS * POINTS;
        let room = pixels::<POINTS, SIDE>(block);
        let sizes = [points * stride * depth, points * product_stride * panels];
        lend(sizes, |[transformed, products]| {
            share_chunks(transformed, points * stride, |slice, chunk| {
                lend([room], |[pixels]| self.gather(block, slice, stride, pixels, chunk));
            });
            share_chunks(products, product_stride, |item, product| {
                let (index, point) = (item / points, item % points);
                self.multiply(block, height, index, point, transformed, stride, product);
            });
            share(outputs.div_ceil(WIDTH), |slice| {
                let products = &products[slice / panel * points * product_stride..];
                lend([room], |[pixels]| {
                    self.scatter(block, slice, products, product_stride, pixels);
                });
            });
        });
    }

    /// Transforms the input tiles of the sixteen channels of `slice`.
    fn gather(
        &self,
        block: Block,
        slice: usize,
        stride: usize,
        pixels: &mut [Lanes],
        points: &mut [Lanes],
    ) {
        let Winograd { isa, before, .. } = *self.layer;
        let planes = Planes::of(self.picture, slice, self.input, before);
        isa.run(Gather::<POINTS, SIDE> { planes, block, pixels, points, stride });
    }

    /// Multiplies all tiles of a block by one panel of the weights at one point.
    #[expect(clippy::too_many_arguments, reason = "the operands and result of a matrix product")]
    fn multiply(
        &self,
        block: Block,
        height: usize,
        panel_index: usize,
        point: usize,
        transformed: &[Lanes],
        stride: usize,
        product: &mut [Lanes],
    ) {
        let Winograd { isa, channels: [depth, _], ref weights, .. } = *self.layer;
        let panel = isa.panel();
        let size = depth * panel;
        let b = &weights[(panel_index * POINTS * POINTS + point) * size..][..size];
        for (index, c) in product.chunks_exact_mut(height * panel).enumerate() {
            if index * height < block.tiles() {
                let a = &transformed[point * stride + index * height..];
                isa.run(Tile { rows: height, depth, a, a_stride: POINTS * POINTS * stride, b, c });
            }
        }
    }

    /// Transforms the output tiles of the sixteen channels of `slice` back.
    fn scatter(
        &self,
        block: Block,
        slice: usize,
        products: &[Lanes],
        stride: usize,
        pixels: &mut [Lanes],
    ) {
        let Winograd { isa, channels: [_, outputs], ref bias, .. } = *self.layer;
        if slice * WIDTH >= outputs {
            return;
        }
        let panel = isa.panel();
        isa.run(Scatter::<POINTS, SIDE> {
            points: &products[slice % panel..],
            stride,
            panel,
            bias: &bias[slice],
            channels: [slice * WIDTH, outputs.min((slice + 1) * WIDTH)],
            output: self.output,
            block,
            pixels: &mut pixels[..block.tiles() * SIDE * SIDE],
            finish: self.finish,
            pooled: self.pooled,
        });
    }
}

/// Room for the pixels under a block, and for those that it gives.
fn pixels<const POINTS: usize, const SIDE: usize>(block: Block) -> usize {
    let [high, wide] = block.size.map(extent::<POINTS, SIDE>);
    high * wide
}
