//! Convolutions that have one kernel for each channel.

use crate::finish::Finish;
use crate::scratch::lend;
use crate::simd::{Isa, Kernel, Lanes, Simd, WIDTH, floats, floats_mut};
use crate::team::{share, threads};
use crate::window::{Window, copy_every};

/// Vectors that one step computes, so that a tap's weight is spread over them.
const STEP: usize = 4;

/// A kernel and a bias for each channel.
pub(crate) struct Depthwise {
    isa: Isa,
    window: Window,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    /// Takes `weights`, which stand by channel, row, column.
    pub(crate) fn new(isa: Isa, window: Window, weights: &[f32], bias: &[f32]) -> Self {
        Self { isa, window, weights: weights.to_vec(), bias: bias.to_vec() }
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
        let layout = Phases::of(&self.window, input, output);
        let area = input[0] * input[1];
        let channels = self.bias.len();
        let at_once = channels.div_ceil(8 * threads());
        share(channels.div_ceil(at_once), |piece| {
            let sizes = [layout.lanes(), layout.result().div_ceil(WIDTH)];
            lend(sizes, |[planes, result]| {
                floats_mut(planes).fill(0.0);
                for channel in piece * at_once..channels.min((piece + 1) * at_once) {
                    let taps = self.window.taps();
                    self.isa.run(Channel {
                        layout: &layout,
                        plane: &picture[channel * area..][..area],
                        weights: &self.weights[channel * taps..][..taps],
                        bias: self.bias[channel],
                        planes,
                        result,
                        at: channel * output[0] * output[1],
                        finish,
                    });
                }
            });
        });
    }
}

/// A picture with its padding, taken apart so that what a tap reads for adjacent outputs lies side by
/// side: with stride s there are s × s phases, the one at (i, j) holding pixels (s·y + i, s·x + j).
struct Phases {
    input: [usize; 2],
    output: [usize; 2],
    stride: [usize; 2],
    before: [usize; 2],
    /// Height and width of a phase.
    size: [usize; 2],
    /// How far from an output's own place each tap reads.
    taps: Vec<usize>,
}

impl Phases {
    fn of(window: &Window, input: [usize; 2], output: [usize; 2]) -> Self {
        let size = [0, 1].map(|axis| {
            let padded = input[axis] + window.before[axis] + window.after[axis];
            padded.div_ceil(window.stride[axis])
        });
        let (stride, before) = (window.stride, window.before);
        let mut phases = Self { input, output, stride, before, size, taps: Vec::new() };
        let [height, width] = window.kernel;
        let [down, across] = window.dilation;
        let taps = (0..height).flat_map(|y| (0..width).map(move |x| [y * down, x * across]));
        phases.taps = taps.map(|place| phases.place(place)).collect();
        phases
    }

    /// Floats from one phase to the next; a step may read beyond what it needs.
    fn apart(&self) -> usize {
        self.size[0] * self.size[1] + STEP * WIDTH
    }

    fn lanes(&self) -> usize {
        (self.stride[0] * self.stride[1] * self.apart()).div_ceil(WIDTH)
    }

    /// Floats of a result that has the width of a phase.
    fn result(&self) -> usize {
        ((self.output[0] - 1) * self.size[1] + self.output[1]).next_multiple_of(STEP * WIDTH)
    }

    /// Where the pixel at (y, x) lies, counted from where the padding begins.
    #[inline(always)]
    fn place(&self, [y, x]: [usize; 2]) -> usize {
        let [down, across] = self.stride;
        let phase = y % down * across + x % across;
        phase * self.apart() + y / down * self.size[1] + x / across
    }
}

/// One channel of one picture.
struct Channel<'a> {
    layout: &'a Phases,
    plane: &'a [f32],
    weights: &'a [f32],
    bias: f32,
    planes: &'a mut [Lanes],
    result: &'a mut [Lanes],
    /// Where the channel begins in the output.
    at: usize,
    finish: Finish<'a>,
}

impl Kernel for Channel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let layout = self.layout;
        let planes = floats_mut(self.planes);
        let [top, left] = layout.before;
        let stride = layout.stride[1];
        for (y, row) in self.plane.chunks_exact(layout.input[1]).enumerate() {
            for first in 0..stride.min(row.len()) {
                let to = &mut planes[layout.place([y + top, first + left])..];
                copy_every(stride, &row[first..], &mut to[..(row.len() - first).div_ceil(stride)]);
            }
        }

        for (step, sums) in self.result.as_chunks_mut::<STEP>().0.iter_mut().enumerate() {
            let mut vectors = [simd.splat(self.bias); STEP];
            for (tap, &weight) in layout.taps.iter().zip(self.weights) {
                let pixels = &planes[tap + step * STEP * WIDTH..][..STEP * WIDTH];
                let weight = simd.splat(weight);
                for (vector, pixels) in vectors.iter_mut().zip(pixels.as_chunks::<WIDTH>().0) {
                    *vector = simd.mul_add(weight, simd.load_slice(pixels), *vector);
                }
            }
            for (vector, sum) in vectors.into_iter().zip(sums) {
                simd.store(vector, sum);
            }
        }
        let [_, width] = layout.output;
        for (y, row) in
            floats(self.result).chunks(layout.size[1]).take(layout.output[0]).enumerate()
        {
            for (run, pixels) in row[..width].chunks(WIDTH).enumerate() {
                let at = self.at + y * width + run * WIDTH;
                // SAFETY: each channel is computed by one thread.
                unsafe { self.finish.put(simd, simd.load_slice(pixels), at, pixels.len()) };
            }
        }
    }
}
