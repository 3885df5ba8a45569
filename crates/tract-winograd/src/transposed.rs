//! Convolutions of small pictures, as the product of `direct` the other way round: the picture's
//! pixels under each tap, outputs × taps, by the weights, taps × output channels. However few the
//! pixels are, vectors are full, since they hold channels; and the weights, which are most of what
//! is read there, are read in order.

use std::ops::Range;

use crate::finish::Finish;
use crate::planes::{Planes, Rows};
use crate::product::{Tile, pack_rows, spread, tile_height};
use crate::scratch::lend;
use crate::simd::{Isa, Kernel, Lanes, Simd, WIDTH};
use crate::team::{share, share_chunks, threads};
use crate::window::Window;

/// Weights of a convolution, in the order that the product reads them.
pub(crate) struct Transposed {
    isa: Isa,
    window: Window,
    /// Input and output channels.
    channels: [usize; 2],
    /// For every panel of output channels, every sixteen input channels, every tap, and each of the
    /// sixteen, the panel.
    weights: Vec<Lanes>,
    bias: Vec<Lanes>,
}

impl Transposed {
    /// Packs `weights`, which stand by output channel, input channel, row, column.
    pub(crate) fn new(isa: Isa, window: Window, weights: &[f32], bias: &[f32]) -> Self {
        let (outputs, taps) = (bias.len(), window.taps());
        let channels = [weights.len() / outputs / taps, outputs];
        let (panel, depth) = (isa.panel(), depth(&window, channels[0]));
        let panels = outputs.div_ceil(panel * WIDTH);
        let mut packed = vec![Lanes::default(); panels * depth * panel];
        share_chunks(&mut packed, depth * panel, |index, chunk| {
            let first = index * panel * WIDTH;
            for output in first..outputs.min(first + panel * WIDTH) {
                let (vector, lane) = ((output - first) / WIDTH, output % WIDTH);
                let kernels = weights[output * channels[0] * taps..].chunks_exact(taps);
                for (input, kernel) in kernels.take(channels[0]).enumerate() {
                    for (tap, &weight) in kernel.iter().enumerate() {
                        let k = (input / WIDTH * taps + tap) * WIDTH + input % WIDTH;
                        chunk[k * panel + vector].0[lane] = weight;
                    }
                }
            }
        });
        Self { isa, window, channels, weights: packed, bias: pack_rows(bias, outputs, 1) }
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
    ) {
        let Self { isa, window, channels: [inputs, outputs], .. } = *self;
        let (taps, area) = (window.taps(), output[0] * output[1]);
        let height = tile_height(area, isa.rows(), isa.panel());
        let stride = spread(area.next_multiple_of(height));
        let padded = window.padded(input);
        let panels = outputs.div_ceil(isa.panel() * WIDTH);
        let tiles = area.div_ceil(height);
        // Few panels are cut into groups of tiles, so that no thread waits long for the last piece.
        let groups = if threads() == 1 { 1 } else { (3 * threads()).div_ceil(panels).min(tiles) };
        let group = tiles.div_ceil(groups);
        lend([inputs.div_ceil(WIDTH) * taps * stride], |[rows]| {
            share_chunks(rows, taps * stride, |slice, rows| {
                let planes = Planes::of(picture, slice, input, window.before);
                if window.is_pointwise() {
                    return isa.run(Rows { planes, wide: input[1], to: &mut rows[..area] });
                }
                lend([padded[0] * padded[1]], |[pixels]| {
                    isa.run(Rows { planes, wide: padded[1], to: pixels });
                    for (tap, rows) in rows.chunks_exact_mut(stride).enumerate() {
                        under(&window, tap, pixels, padded[1], output, rows);
                    }
                });
            });
            share(panels * tiles.div_ceil(group), |piece| {
                let (panel, first) = (piece % panels, piece / panels * group);
                let tiles = first..tiles.min(first + group);
                self.piece(rows, [height, stride], panel, tiles, area, finish);
            });
        });
    }

    /// The outputs of some tiles of pixels and one panel of channels.
    fn piece(
        &self,
        rows: &[Lanes],
        [height, stride]: [usize; 2],
        index: usize,
        tiles: Range<usize>,
        area: usize,
        finish: Finish,
    ) {
        let Self { isa, window, channels: [inputs, outputs], .. } = *self;
        let (panel, depth) = (isa.panel(), depth(&window, inputs));
        let b = &self.weights[index * depth * panel..][..depth * panel];
        lend([tiles.len() * height * panel], |[products]| {
            for (tile, c) in tiles.clone().zip(products.chunks_exact_mut(height * panel)) {
                let a = &rows[tile * height..];
                isa.run(Tile { rows: height, depth, a, a_stride: stride, b, c });
            }
            let pixels = tiles.start * height..area.min(tiles.end * height);
            for vector in 0..panel {
                let slice = index * panel + vector;
                let channels = slice * WIDTH..outputs.min((slice + 1) * WIDTH);
                let Some(bias) = self.bias.get(slice).filter(|_| !channels.is_empty()) else {
                    break;
                };
                let products = &products[vector..];
                let pixels = pixels.clone();
                isa.run(Put { products, panel, bias, channels, pixels, area, finish });
            }
        });
    }
}

/// Length of the sum that an output is. The channels of each tap are filled up to a multiple of
/// sixteen; where there is one tap that is not needed.
fn depth(window: &Window, inputs: usize) -> usize {
    match window.taps() {
        1 => inputs,
        taps => taps * inputs.next_multiple_of(WIDTH),
    }
}

/// Copies the pixels under one tap, from a padded picture whose rows are `wide`.
fn under(
    window: &Window,
    tap: usize,
    pixels: &[Lanes],
    wide: usize,
    output: [usize; 2],
    to: &mut [Lanes],
) {
    let [down, across] = window.stride;
    let y = tap / window.kernel[1] * window.dilation[0];
    let x = tap % window.kernel[1] * window.dilation[1];
    for (row, to) in to.chunks_mut(output[1]).take(output[0]).enumerate() {
        let from = pixels[(y + row * down) * wide + x..].iter().step_by(across);
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}

/// Writes sixteen channels of a product out.
struct Put<'a> {
    /// For every pixel a panel of vectors, of which the first one is read.
    products: &'a [Lanes],
    panel: usize,
    bias: &'a Lanes,
    channels: Range<usize>,
    pixels: Range<usize>,
    /// Pixels of a channel.
    area: usize,
    finish: Finish<'a>,
}

impl Kernel for Put<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
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
                // SAFETY: a piece of work has channels or pixels of its own.
                unsafe { self.finish.put(simd, vector, channel * self.area + first, count) };
            }
        }
    }
}
