//! From the picture to transformed tiles.

use super::blocks::Block;
use super::transform::data_tile;
use crate::simd::{Kernel, Lanes, Simd, WIDTH};

/// Transforms the input tiles of one block, for at most sixteen channels.
pub(super) struct Gather<'a, const POINTS: usize, const SIDE: usize> {
    pub(super) planes: Planes<'a>,
    pub(super) block: Block,
    /// Room for the pixels under the block, channels side by side.
    pub(super) pixels: &'a mut [Lanes],
    /// Receives, at intervals of `stride`, every point of every tile.
    pub(super) points: &'a mut [Lanes],
    pub(super) stride: usize,
}

/// At most sixteen channels of a picture.
#[derive(Clone, Copy)]
pub(super) struct Planes<'a> {
    /// One after the other.
    pub(super) pixels: &'a [f32],
    /// Height and width.
    pub(super) size: [usize; 2],
    /// Zeros above and to the left.
    pub(super) before: [usize; 2],
}

/// Pixels under `tiles` tiles in a row.
pub(super) fn extent<const POINTS: usize, const SIDE: usize>(tiles: usize) -> usize {
    (tiles - 1) * SIDE + POINTS
}

impl<const POINTS: usize, const SIDE: usize> Kernel for Gather<'_, POINTS, SIDE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [high, wide] = self.block.size.map(extent::<POINTS, SIDE>);
        let [top, left] = self.block.start.map(|tile| tile * SIDE);
        for (row, pixels) in self.pixels.chunks_exact_mut(wide).take(high).enumerate() {
            let y = (top + row).checked_sub(self.planes.before[0]);
            match y.filter(|&y| y < self.planes.size[0]) {
                Some(y) => self.planes.row(simd, y, left, pixels),
                None => pixels.fill(Lanes::default()),
            }
        }
        let mut tile = 0;
        for row in 0..self.block.size[0] {
            for column in 0..self.block.size[1] {
                let corner = &self.pixels[row * SIDE * wide + column * SIDE..];
                let mut rows = [[simd.splat(0.0); POINTS]; POINTS];
                for (i, row) in rows.iter_mut().enumerate() {
                    for (vector, pixel) in row.iter_mut().zip(&corner[i * wide..][..POINTS]) {
                        *vector = simd.load(pixel);
                    }
                }
                let columns = data_tile(simd, rows);
                for (point, vector) in columns.as_flattened().iter().enumerate() {
                    simd.store(*vector, &mut self.points[point * self.stride + tile]);
                }
                tile += 1;
            }
        }
    }
}

impl Planes<'_> {
    /// Row `y` from `left`, counted from where the zeros begin, with zeros beside the picture.
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, y: usize, left: usize, pixels: &mut [Lanes]) {
        let [height, width] = self.size;
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
