//! From transformed products to the picture.

use super::blocks::Block;
use super::transform::output_tile;
use crate::finish::{Finish, Places};
use crate::simd::{Kernel, Lanes, Simd, WIDTH};

/// Transforms the output tiles of one block back, for at most sixteen channels.
pub(super) struct Scatter<'a, const POINTS: usize, const SIDE: usize> {
    /// At intervals of `stride`, for every tile, a panel of vectors: the first one is read.
    pub(super) points: &'a [Lanes],
    pub(super) stride: usize,
    pub(super) panel: usize,
    pub(super) bias: &'a Lanes,
    /// The first of the channels, and the one after the last.
    pub(super) channels: [usize; 2],
    /// Height and width of the output.
    pub(super) output: [usize; 2],
    pub(super) block: Block,
    /// Room for the pixels of the block, channels side by side.
    pub(super) pixels: &'a mut [Lanes],
    pub(super) finish: Finish<'a>,
    /// Where the maximum of every 2×2 outputs goes, within the bounds.
    pub(super) pooled: Option<Places<'a>>,
}

impl<const POINTS: usize, const SIDE: usize> Kernel for Scatter<'_, POINTS, SIDE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let wide = self.block.size[1] * SIDE;
        let bias = simd.load(self.bias);
        let mut tile = 0;
        for row in 0..self.block.size[0] {
            for column in 0..self.block.size[1] {
                let points = &self.points[tile * self.panel..];
                let mut columns = [[bias; POINTS]; POINTS];
                for (point, vector) in columns.as_flattened_mut().iter_mut().enumerate() {
                    *vector = simd.load(&points[point * self.stride]);
                }
                let rows: [[S::Vector; SIDE]; SIDE] = output_tile(simd, columns);
                let corner = &mut self.pixels[row * SIDE * wide + column * SIDE..];
                for (i, row) in rows.into_iter().enumerate() {
                    for (vector, pixel) in row.into_iter().zip(&mut corner[i * wide..]) {
                        simd.store(simd.add(vector, bias), pixel);
                    }
                }
                tile += 1;
            }
        }
        let Finish { plain, sum, clipped, .. } = self.finish;
        if plain.or(sum).or(clipped).is_some() {
            self.rows(simd, wide);
        }
        if let Some(pooled) = self.pooled {
            self.pooled_rows(simd, wide, pooled);
        }
    }
}

impl<const POINTS: usize, const SIDE: usize> Scatter<'_, POINTS, SIDE> {
    #[inline(always)]
    fn rows<S: Simd>(&self, simd: S, wide: usize) {
        let [height, width] = self.output;
        let [top, left] = self.block.start.map(|tile| tile * SIDE);
        let visible = wide.min(width - left);
        for (y, row) in (top..height).zip(self.pixels.chunks_exact(wide)) {
            for (run, pixels) in row[..visible].chunks(WIDTH).enumerate() {
                let mut vectors = [simd.splat(0.0); WIDTH];
                for (vector, pixel) in vectors.iter_mut().zip(pixels) {
                    *vector = simd.load(pixel);
                }
                simd.transpose(&mut vectors);
                for (channel, vector) in (self.channels[0]..self.channels[1]).zip(vectors) {
                    let at = (channel * height + y) * width + left + run * WIDTH;

                    // SAFETY: blocks do not overlap, nor do channels.
                    unsafe { self.finish.put(simd, vector, at, pixels.len()) };
                }
            }
        }
    }

    #[inline(always)]
    fn pooled_rows<S: Simd>(&self, simd: S, wide: usize, pooled: Places) {
        let [height, width] = self.output.map(|length| length / 2);
        let [top, left] = self.block.start.map(|tile| tile * SIDE / 2);
        let visible = (wide / 2).min(width.saturating_sub(left));
        for (y, rows) in (top..height).zip(self.pixels.chunks_exact(2 * wide)) {
            let (upper, lower) = rows.split_at(wide);
            let [upper, lower] = [upper, lower].map(|row| &row.as_chunks::<2>().0[..visible]);
            let runs = upper.chunks(WIDTH).zip(lower.chunks(WIDTH));
            for (run, (upper, lower)) in runs.enumerate() {
                let mut vectors = [simd.splat(0.0); WIDTH];
                for (vector, ([a, b], [c, d])) in vectors.iter_mut().zip(upper.iter().zip(lower)) {
                    let above = simd.max(simd.load(a), simd.load(b));
                    let below = simd.max(simd.load(c), simd.load(d));
                    *vector = simd.max(above, below);
                }
                simd.transpose(&mut vectors);
                for (channel, vector) in (self.channels[0]..self.channels[1]).zip(vectors) {
                    let at = (channel * height + y) * width + left + run * WIDTH;
                    let vector = self.finish.clip.apply(simd, vector);
                    // SAFETY: blocks do not overlap, nor do channels.
                    simd.store_slice(vector, unsafe { pooled.slice(at, upper.len()) });
                }
            }
        }
    }
}
