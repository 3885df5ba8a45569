//! From channels one after the other to channels side by side.

use crate::simd::{Kernel, Lanes, Simd, WIDTH};

/// At most sixteen channels of a picture.
#[derive(Clone, Copy)]
pub(crate) struct Planes<'a> {
    /// One after the other.
    pub(crate) pixels: &'a [f32],
    /// Height and width.
    pub(crate) size: [usize; 2],
    /// Zeros above and to the left.
    pub(crate) before: [usize; 2],
}

impl<'a> Planes<'a> {
    /// The sixteen channels of `slice`, or as many as there are.
    pub(crate) fn of(
        picture: &'a [f32],
        slice: usize,
        size: [usize; 2],
        before: [usize; 2],
    ) -> Self {
        let area = size[0] * size[1];
        let pixels = &picture[slice * WIDTH * area..];
        Self { pixels: &pixels[..pixels.len().min(WIDTH * area)], size, before }
    }

    /// Row `y` from `left`, both counted from where the zeros begin, with zeros around the picture.
    #[inline(always)]
    pub(crate) fn row<S: Simd>(&self, simd: S, y: usize, left: usize, pixels: &mut [Lanes]) {
        let [height, width] = self.size;
        let Some(y) = y.checked_sub(self.before[0]).filter(|&y| y < height) else {
            return pixels.fill(Lanes::default());
        };
        let begin = self.before[1].saturating_sub(left).min(pixels.len());
        let first = (left + begin).saturating_sub(self.before[1]).min(width);
        let end = (begin + width - first).min(pixels.len());
        pixels[..begin].fill(Lanes::default());
        pixels[end..].fill(Lanes::default());
        let mut x = first;
        for run in pixels[begin..end].chunks_mut(WIDTH) {
            let mut vectors = [simd.splat(0.0); WIDTH];
            for (vector, plane) in vectors.iter_mut().zip(self.pixels.chunks_exact(height * width))
            {
                let pixels = &plane[y * width + x..][..run.len()];
                *vector = simd.load_slice(pixels);
            }
            simd.transpose(&mut vectors);
            for (pixel, vector) in run.iter_mut().zip(vectors) {
                simd.store(vector, pixel);
            }
            x += WIDTH;
        }
    }
}

/// All rows of some planes, with the zeros around them, each of `wide` pixels.
pub(crate) struct Rows<'a> {
    pub(crate) planes: Planes<'a>,
    pub(crate) wide: usize,
    pub(crate) to: &'a mut [Lanes],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (y, pixels) in self.to.chunks_exact_mut(self.wide).enumerate() {
            self.planes.row(simd, y, 0, pixels);
        }
    }
}
