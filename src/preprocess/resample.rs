//! Pillow's `Image.resize` for 8-bit pictures, bit by bit. It can compute only a window of the
//! result.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Fixed-point bits of a weight: 32, minus 8 for the sample, minus 2 of headroom for bicubic's
/// overshoot.
const PRECISION: u32 = 32 - 8 - 2;

/// How pixels are interpolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The source pixel under the centre: Pillow's `NEAREST`, the default of Keras's `load_img`.
    #[default]
    Nearest,
    /// Pillow's antialiased `BILINEAR`.
    Bilinear,
    /// Pillow's antialiased `BICUBIC` (a = −0.5).
    Bicubic,
}

/// An interleaved 8-bit picture with `C` samples a pixel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a, const C: usize> {
    pub(super) samples: &'a [u8],
    pub(super) width: usize,
    pub(super) height: usize,
}

/// One axis of the result: `length` pixels in all, of which `window` is computed.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) length: usize,
    pub(super) window: Range<usize>,
}

impl<const C: usize> Source<'_, C> {
    /// Resizes to `x.length` × `y.length` and returns the window of the result, row by row.
    pub(super) fn resize(&self, x: &Axis, y: &Axis, filter: Resize) -> Vec<u8> {
        if filter == Resize::Nearest {
            return self.nearest(x, y);
        }
        let horizontal = Kernels::new(self.width, x, filter);
        let vertical = Kernels::new(self.height, y, filter);
        let (columns, rows) = (horizontal.support(), vertical.support());
        // Both passes round to 8 bits, so their order matters. From version 13 on Pillow does the
        // vertical pass first where the height shrinks by more than twice as much as the width.
        let shrink = |from: usize, to: usize| from as i64 - to as i64;
        let (shrink_x, shrink_y) = (shrink(self.width, x.length), shrink(self.height, y.length));
        if shrink_y > 0 && shrink_y > 2 * shrink_x {
            let samples = self.vertical_pass(&vertical, 0, columns.clone());
            let (width, height) = (columns.len(), y.window.len());
            let flat = Source::<C> { samples: &samples, width, height };
            return flat.horizontal_pass(&horizontal, columns.start, 0..height);
        }
        let samples = self.horizontal_pass(&horizontal, 0, rows.clone());
        let (width, height) = (x.window.len(), rows.len());
        let resized = Source::<C> { samples: &samples, width, height };
        resized.vertical_pass(&vertical, rows.start, 0..width)
    }

    /// The horizontal pass over some rows. Column 0 of these samples is column `offset` of the
    /// kernels.
    fn horizontal_pass(&self, kernels: &Kernels, offset: usize, rows: Range<usize>) -> Vec<u8> {
        let mut out = Vec::with_capacity(rows.len() * kernels.spans.len() * C);
        for row in self.samples.chunks_exact(self.width * C).take(rows.end).skip(rows.start) {
            let pixels = row.as_chunks::<C>().0;
            for kernel in kernels.iter() {
                let mut sums = [1 << (PRECISION - 1); C];
                for (pixel, &weight) in pixels[kernel.start - offset..].iter().zip(kernel.weights) {
                    for (sum, &sample) in sums.iter_mut().zip(pixel) {
                        *sum += i32::from(sample) * weight;
                    }
                }
                out.extend(sums.map(clip));
            }
        }
        out
    }

    /// The vertical pass over some columns. Row 0 of these samples is row `offset` of the kernels.
    fn vertical_pass(&self, kernels: &Kernels, offset: usize, columns: Range<usize>) -> Vec<u8> {
        let length = columns.len() * C;
        let mut out = Vec::with_capacity(kernels.spans.len() * length);
        let mut sums = vec![0i32; length];
        for kernel in kernels.iter() {
            sums.fill(1 << (PRECISION - 1));
            let first = (kernel.start - offset) * self.width * C;
            let rows = self.samples[first..].chunks_exact(self.width * C);
            for (row, &weight) in rows.zip(kernel.weights) {
                let row = &row[columns.start * C..][..length];
                for (sum, &sample) in sums.iter_mut().zip(row) {
                    *sum += i32::from(sample) * weight;
                }
            }
            out.extend(sums.iter().map(|&sum| clip(sum)));
        }
        out
    }

    fn nearest(&self, x: &Axis, y: &Axis) -> Vec<u8> {
        let columns = nearest_positions(self.width, x);
        let mut out = Vec::with_capacity(x.window.len() * y.window.len() * C);
        for row in nearest_positions(self.height, y) {
            let row = &self.samples[row * self.width * C..][..self.width * C];
            let pixels = row.as_chunks::<C>().0;
            for &column in &columns {
                out.extend(pixels[column]);
            }
        }
        out
    }
}

/// The source position of each result pixel of the window: `floor((i + 0.5) · scale)`.
///
/// Pillow adds up the scale step by step in float64 (`ImagingScaleAffine`), and so does this
/// function, since the rounding errors of the sum decide exact ties.
fn nearest_positions(length: usize, axis: &Axis) -> Vec<usize> {
    let scale = length as f64 / axis.length as f64;
    let mut position = scale * 0.5;
    let mut positions = Vec::with_capacity(axis.window.len());
    for i in 0..axis.window.end {
        if i >= axis.window.start {
            positions.push((position as usize).min(length - 1));
        }
        position += scale;
    }
    positions
}

/// The weights of every result pixel of a window along one axis.
struct Kernels {
    /// The first source pixel and the range in `weights`, for each result pixel.
    spans: Vec<(usize, Range<usize>)>,
    weights: Vec<i32>,
}

struct Kernel<'a> {
    start: usize,
    weights: &'a [i32],
}

impl Kernels {
    /// Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`. An axis whose length stays the
    /// same is copied.
    fn new(length: usize, axis: &Axis, filter: Resize) -> Self {
        let mut kernels =
            Self { spans: Vec::with_capacity(axis.window.len()), weights: Vec::new() };
        if length == axis.length {
            for i in axis.window.clone() {
                kernels.push(i, &[1.0]);
            }
            return kernels;
        }
        let (radius, curve): (f64, fn(f64) -> f64) = match filter {
            Resize::Bicubic => (2.0, bicubic),
            _ => (1.0, triangle),
        };
        let scale = length as f64 / axis.length as f64;
        let stretch = scale.max(1.0);
        let support = radius * stretch;
        let mut weights = Vec::new();
        for i in axis.window.clone() {
            let center = (i as f64 + 0.5) * scale;
            let start = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(length);
            let inverse = 1.0 / stretch;
            weights.clear();
            weights.extend((start..end).map(|j| curve((j as f64 - center + 0.5) * inverse)));
            let sum: f64 = weights.iter().sum();
            if sum != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            }
            kernels.push(start, &weights);
        }
        kernels
    }

    fn push(&mut self, start: usize, weights: &[f64]) {
        let first = self.weights.len();
        let fixed = |weight: f64| {
            // Rounds halves away from zero.
            (weight * f64::from(1 << PRECISION) + 0.5f64.copysign(weight)) as i32
        };
        self.weights.extend(weights.iter().map(|&weight| fixed(weight)));
        self.spans.push((start, first..self.weights.len()));
    }

    fn iter(&self) -> impl Iterator<Item = Kernel<'_>> {
        let kernel = |(start, span): &(usize, Range<usize>)| Kernel {
            start: *start,
            weights: &self.weights[span.clone()],
        };
        self.spans.iter().map(kernel)
    }

    /// The range of source pixels that the kernels read.
    fn support(&self) -> Range<usize> {
        let start = self.spans.iter().map(|(start, _)| *start).min().unwrap_or(0);
        let end = self.spans.iter().map(|(start, span)| start + span.len()).max().unwrap_or(0);
        start..end
    }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Keys's cubic with a = −0.5.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}
