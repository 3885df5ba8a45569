//! What moves a window over each channel by itself: convolutions that have one kernel for each
//! channel, and maxima.

use crate::finish::{Finish, Places};
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
        let taps = self.window.taps();
        let sum = |channel: usize| Sum {
            weights: &self.weights[channel * taps..][..taps],
            bias: self.bias[channel],
        };
        slide(self.isa, &self.window, picture, [input, output], finish, sum);
    }
}

/// The greatest value under every place of a window; no number counts as none. `to` receives as
/// many channels of `output` as `picture` has of `input`.
pub(crate) fn maxima(
    isa: Isa,
    window: &Window,
    picture: &[f32],
    size: [[usize; 2]; 2],
    to: &mut [f32],
) {
    slide(isa, window, picture, size, Finish::plain(Places::of(to)), |_| Maximum);
}

/// Folds what is under every place of a window, for each channel of one picture.
fn slide<F: Fold>(
    isa: Isa,
    window: &Window,
    picture: &[f32],
    [input, output]: [[usize; 2]; 2],
    finish: Finish,
    fold: impl Fn(usize) -> F + Sync,
) {
    let layout = Phases::of(window, input, output);
    let area = input[0] * input[1];
    let channels = picture.len() / area;
    let at_once = channels.div_ceil(8 * threads());
    share(channels.div_ceil(at_once), |piece| {
        lend([layout.lanes()], |[planes]| {
            floats_mut(planes).fill(F::PADDING);
            for channel in piece * at_once..channels.min((piece + 1) * at_once) {
                isa.run(Channel {
                    layout: &layout,
                    plane: &picture[channel * area..][..area],
                    fold: fold(channel),
                    planes,
                    at: channel * output[0] * output[1],
                    finish,
                });
            }
        });
    });
}

/// How the pixels under a window become one.
trait Fold {
    /// What lies beside the picture.
    const PADDING: f32;
    /// Before the first tap.
    fn start<S: Simd>(&self, simd: S) -> S::Vector;
    /// With what is under one tap.
    fn take<S: Simd>(&self, simd: S, tap: usize, pixels: S::Vector, so_far: S::Vector)
    -> S::Vector;
}

struct Sum<'a> {
    weights: &'a [f32],
    bias: f32,
}

impl Fold for Sum<'_> {
    const PADDING: f32 = 0.0;

    #[inline(always)]
    fn start<S: Simd>(&self, simd: S) -> S::Vector {
        simd.splat(self.bias)
    }

    #[inline(always)]
    fn take<S: Simd>(&self, simd: S, tap: usize, pixels: S::Vector, sum: S::Vector) -> S::Vector {
        simd.mul_add(simd.splat(self.weights[tap]), pixels, sum)
    }
}

struct Maximum;

impl Fold for Maximum {
    const PADDING: f32 = f32::NEG_INFINITY;

    #[inline(always)]
    fn start<S: Simd>(&self, simd: S) -> S::Vector {
        simd.splat(f32::NEG_INFINITY)
    }

    #[inline(always)]
    fn take<S: Simd>(&self, simd: S, _: usize, pixels: S::Vector, most: S::Vector) -> S::Vector {
        simd.max(pixels, most)
    }
}

/// A picture with its padding, taken apart so that what a tap reads for adjacent outputs lies side
/// by side: with stride s there are s × s phases, the one at (i, j) holding pixels (s·y + i, s·x +
/// j).
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
        let padded = window.padded(input);
        let size = [0, 1].map(|axis| padded[axis].div_ceil(window.stride[axis]));
        let (stride, before) = (window.stride, window.before);
        let mut phases = Self { input, output, stride, before, size, taps: Vec::new() };
        let [height, width] = window.kernel;
        let [down, across] = window.dilation;
        let taps = (0..height).flat_map(|y| (0..width).map(move |x| [y * down, x * across]));
        phases.taps = taps.map(|place| phases.place(place)).collect();
        phases
    }

    /// Floats from one phase to the next; the last step reads rows and columns beyond what it
    /// needs.
    fn apart(&self) -> usize {
        (self.size[0] + STEP) * self.size[1] + STEP * WIDTH
    }

    fn lanes(&self) -> usize {
        (self.stride[0] * self.stride[1] * self.apart()).div_ceil(WIDTH)
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
struct Channel<'a, F> {
    layout: &'a Phases,
    plane: &'a [f32],
    fold: F,
    planes: &'a mut [Lanes],
    /// Where the channel begins in the output.
    at: usize,
    finish: Finish<'a>,
}

impl<F: Fold> Kernel for Channel<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let layout = self.layout;
        let planes = floats_mut(self.planes);
        let [top, left] = layout.before;
        let stride = layout.stride[1];
        for (y, row) in self.plane.chunks_exact(layout.input[1]).enumerate() {
            if stride == 1 {
                let to = &mut planes[layout.place([y + top, left])..][..row.len()];
                for (to, from) in to.chunks_mut(WIDTH).zip(row.chunks(WIDTH)) {
                    simd.store_slice(simd.load_slice(from), to);
                }
                continue;
            }
            for first in 0..stride.min(row.len()) {
                let to = &mut planes[layout.place([y + top, first + left])..];
                copy_every(stride, &row[first..], &mut to[..(row.len() - first).div_ceil(stride)]);
            }
        }
        match layout.output[1].div_ceil(WIDTH) {
            1 => self.steps::<S, STEP, 1>(simd),
            2 => self.steps::<S, { STEP / 2 }, 2>(simd),
            _ => self.steps::<S, 1, STEP>(simd),
        }
    }
}

impl<F: Fold> Channel<'_, F> {
    /// Goes over the output, `RUNS` vectors of `ROWS` rows at a time.
    #[inline(always)]
    fn steps<S: Simd, const ROWS: usize, const RUNS: usize>(&self, simd: S) {
        let planes = floats(self.planes);
        let [height, width] = self.layout.output;
        let apart = self.layout.size[1];
        for y in (0..height).step_by(ROWS) {
            for x in (0..width).step_by(RUNS * WIDTH) {
                let mut vectors = [[self.fold.start(simd); RUNS]; ROWS];
                let corner = &planes[y * apart + x..];
                for (tap, &place) in self.layout.taps.iter().enumerate() {
                    let pixels = &corner[place..][..(ROWS - 1) * apart + RUNS * WIDTH];
                    for (row, vectors) in vectors.iter_mut().enumerate() {
                        let pixels = pixels[row * apart..][..RUNS * WIDTH].as_chunks::<WIDTH>().0;
                        for (vector, pixels) in vectors.iter_mut().zip(pixels) {
                            *vector = self.fold.take(simd, tap, simd.load_slice(pixels), *vector);
                        }
                    }
                }
                for (y, vectors) in (y..height).zip(vectors) {
                    for (x, vector) in (x..width).step_by(WIDTH).zip(vectors) {
                        let at = self.at + y * width + x;
                        // SAFETY: each channel is computed by one thread.
                        unsafe { self.finish.put(simd, vector, at, WIDTH.min(width - x)) };
                    }
                }
            }
        }
    }
}
