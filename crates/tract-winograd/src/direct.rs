//! Convolutions of any kernel, stride and dilation as one product of matrices: weights, output
//! channels × taps, by the picture's pixels under each tap, taps × outputs.

use crate::finish::Finish;
use crate::product::{Tile, pack_rows, tile_height};
use crate::scratch::lend;
use crate::simd::{Isa, Kernel, Lanes, Simd, WIDTH, floats_mut};
use crate::team::{share, threads};
use crate::window::{Window, copy_every};

/// Bytes of the picture's pixels that one piece of work gathers, so that they stay in the second
/// level cache while all its output channels are computed.
const GATHERED: usize = 256 << 10;

/// Output channels of one piece of work at least: fewer would make the gathering felt.
const CHANNELS: usize = 64;

/// Weights of a convolution, in the order that the product reads them.
pub(crate) struct Direct {
    isa: Isa,
    window: Window,
    /// Output channels, and taps of all input channels.
    size: [usize; 2],
    height: usize,
    weights: Vec<Lanes>,
    bias: Vec<f32>,
}

/// One picture on its way through.
struct Pass<'a> {
    layer: &'a Direct,
    picture: &'a [f32],
    input: [usize; 2],
    output: [usize; 2],
    finish: Finish<'a>,
}

impl Direct {
    /// Packs `weights`, which stand by output channel, input channel, row, column.
    pub(crate) fn new(isa: Isa, window: Window, weights: &[f32], bias: &[f32]) -> Self {
        let size = [bias.len(), weights.len() / bias.len()];
        let height = tile_height(size[0], isa.rows(), isa.panel());
        let weights = pack_rows(weights, size[1], height);
        Self { isa, window, size, height, weights, bias: bias.to_vec() }
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
        Pass { layer: self, picture, input, output, finish }.run();
    }
}

impl Pass<'_> {
    fn run(&self) {
        let Direct { isa, size: [channels, depth], height, .. } = *self.layer;
        let panel = isa.panel() * WIDTH;
        let panels = (self.output[0] * self.output[1]).div_ceil(panel);
        let at_once = (GATHERED / (depth * panel * size_of::<f32>())).clamp(1, 16);
        // Enough pieces that no thread waits long for the last one.
        let wanted = 4 * threads();
        let at_once = if threads() == 1 { at_once } else { at_once.min(panels.div_ceil(wanted)) };
        let chunks = panels.div_ceil(at_once);
        let tiles = channels.div_ceil(height);
        let groups = if threads() == 1 { 1 } else { wanted.div_ceil(chunks) };
        let group = tiles.div_ceil(groups).max(CHANNELS.div_ceil(height));
        let groups = tiles.div_ceil(group);
        share(chunks * groups, |piece| {
            let (chunk, first) = (piece / groups, piece % groups * group);
            let panels = chunk * at_once..panels.min((chunk + 1) * at_once);
            self.piece(panels, first..tiles.min(first + group));
        });
    }

    /// All outputs of some panels of pixels and some tiles of output channels.
    fn piece(&self, panels: std::ops::Range<usize>, tiles: std::ops::Range<usize>) {
        let Direct { isa, window, size: [channels, depth], height, ref weights, ref bias } =
            *self.layer;
        let panel = isa.panel();
        let blocks = depth.div_ceil(WIDTH);
        let outputs = self.output[0] * self.output[1];
        lend([panels.len() * depth * panel, height * panel], |[gathered, product]| {
            for (index, b) in panels.clone().zip(gathered.chunks_exact_mut(depth * panel)) {
                let first = index * panel * WIDTH;
                let last = outputs.min(first + panel * WIDTH);
                let [input, output] = [self.input, self.output];
                isa.run(Columns {
                    window,
                    picture: self.picture,
                    input,
                    output,
                    first,
                    last,
                    to: b,
                });
            }
            for tile in tiles {
                let a = &weights[tile * blocks * height..];
                let rows = height.min(channels - tile * height);
                for (index, b) in panels.clone().zip(gathered.chunks_exact(depth * panel)) {
                    isa.run(Tile { rows: height, depth, a, a_stride: height, b, c: product });
                    let first = index * panel * WIDTH;
                    isa.run(Put {
                        product,
                        panel,
                        bias: &bias[tile * height..][..rows],
                        at: tile * height * outputs + first,
                        count: outputs.min(first + panel * WIDTH) - first,
                        outputs,
                        finish: self.finish,
                    });
                }
            }
        });
    }
}

/// Writes a tile of the product out.
struct Put<'a> {
    product: &'a [Lanes],
    panel: usize,
    /// One for every row.
    bias: &'a [f32],
    /// Where the first row begins; rows are `outputs` apart and `count` long.
    at: usize,
    count: usize,
    outputs: usize,
    finish: Finish<'a>,
}

impl Kernel for Put<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for ((row, bias), sums) in
            self.bias.iter().enumerate().zip(self.product.chunks_exact(self.panel))
        {
            let bias = simd.splat(*bias);
            for (vector, sum) in sums[..self.count.div_ceil(WIDTH)].iter().enumerate() {
                let from = vector * WIDTH;
                let at = self.at + row * self.outputs + from;
                let sum = simd.add(simd.load(sum), bias);
                // SAFETY: a piece of work has channels or pixels of its own.
                unsafe { self.finish.put(simd, sum, at, WIDTH.min(self.count - from)) };
            }
        }
    }
}

/// Gathers, for every input channel and tap, the pixels that a panel of outputs reads.
struct Columns<'a> {
    window: Window,
    picture: &'a [f32],
    input: [usize; 2],
    output: [usize; 2],
    /// The outputs, counted row by row.
    first: usize,
    last: usize,
    to: &'a mut [Lanes],
}

impl Kernel for Columns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let area = self.input[0] * self.input[1];
        let panel = S::PANEL;
        if self.window.is_pointwise() {
            let planes = self.picture.chunks_exact(area);
            for (plane, to) in planes.zip(self.to.chunks_exact_mut(panel)) {
                let mut pixels = plane[self.first..self.last].chunks(WIDTH);
                for to in to {
                    simd.store(simd.load_slice(pixels.next().unwrap_or_default()), to);
                }
            }
            return;
        }
        self.to.fill(Lanes::default());
        let mut runs = [Run::default(); 2 * WIDTH];
        let mut count = 0;
        let mut next = self.first;
        while next < self.last {
            let place = [next / self.output[1], next % self.output[1]];
            let length = (self.output[1] - place[1]).min(self.last - next);
            runs[count] = Run { place, length, at: next - self.first };
            count += 1;
            next += length;
        }
        let [height, width] = self.window.kernel;
        let mut rows = self.to.chunks_exact_mut(panel);
        for plane in self.picture.chunks_exact(area) {
            for tap in (0..height).flat_map(|y| (0..width).map(move |x| [y, x])) {
                let Some(to) = rows.next() else { return };
                let to = floats_mut(to);
                for run in &runs[..count] {
                    run.copy(&self.window, plane, self.input, tap, to);
                }
            }
        }
    }
}

/// Adjacent outputs in one row.
#[derive(Clone, Copy, Default)]
struct Run {
    /// Row and column of the first one.
    place: [usize; 2],
    length: usize,
    /// Its place in the panel.
    at: usize,
}

impl Run {
    /// Copies what the outputs read at one tap; beside the picture there are zeros, which are there
    /// already.
    #[inline(always)]
    fn copy(
        &self,
        window: &Window,
        plane: &[f32],
        [height, width]: [usize; 2],
        tap: [usize; 2],
        to: &mut [f32],
    ) {
        let [stride_y, stride] = window.stride;
        let offset = [tap[0] * window.dilation[0], tap[1] * window.dilation[1]];
        // Wraps round where the row is above the picture.
        let y = (self.place[0] * stride_y + offset[0]).wrapping_sub(window.before[0]);
        if y >= height {
            return;
        }
        // Outputs that read left of the picture, and all up to the last one that reads inside.
        let column = self.place[1];
        let left = window.before[1].saturating_sub(offset[1]).div_ceil(stride);
        let inside = (width + window.before[1]).saturating_sub(offset[1]).div_ceil(stride);
        let skipped = left.saturating_sub(column);
        let end = inside.saturating_sub(column).min(self.length);
        if skipped < end {
            let x = (column + skipped) * stride + offset[1] - window.before[1];
            let from = &plane[y * width + x..(y + 1) * width];
            copy_every(stride, from, &mut to[self.at + skipped..self.at + end]);
        }
    }
}
