//! From the picture to transformed tiles.

use super::blocks::Block;
use super::transform::data_tile;
use crate::planes::Planes;
use crate::simd::{Kernel, Lanes, Simd};

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
            self.planes.row(simd, top + row, left, pixels);
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
