use super::tile_blocks::{TileBlock, input_span};
use super::tile_transforms::input_tile;
use crate::channel_block::ChannelBlock;
use crate::simd::{Lanes, Simd, SimdOp};

/// Transforms the input tiles of one block, for at most sixteen channels.
pub(super) struct InputTransform<'a, const IN: usize, const OUT: usize> {
    pub(super) channels: ChannelBlock<'a>,
    pub(super) block: TileBlock,
    /// Scratch memory for the pixels that the block covers.
    pub(super) pixels: &'a mut [Lanes],
    /// Receives every point of every tile: all tiles at the first point, then, `point_stride`
    /// further, all tiles at the next one.
    pub(super) points: &'a mut [Lanes],
    pub(super) point_stride: usize,
}

impl<const IN: usize, const OUT: usize> SimdOp for InputTransform<'_, IN, OUT> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        let [height, width] = self.block.size.map(input_span::<IN, OUT>);
        let [top, left] = self.block.start.map(|tile| tile * OUT);
        for (row, pixels) in self.pixels.chunks_exact_mut(width).take(height).enumerate() {
            self.channels.pack_row(simd, top + row, left, pixels);
        }
        let mut tile = 0;
        for row in 0..self.block.size[0] {
            for column in 0..self.block.size[1] {
                let corner = &self.pixels[row * OUT * width + column * OUT..];
                let mut rows = [[simd.splat(0.0); IN]; IN];
                for (i, row) in rows.iter_mut().enumerate() {
                    for (vector, pixel) in row.iter_mut().zip(&corner[i * width..][..IN]) {
                        *vector = simd.load(pixel);
                    }
                }
                let columns = input_tile(simd, rows);
                for (point, vector) in columns.as_flattened().iter().enumerate() {
                    simd.store(*vector, &mut self.points[point * self.point_stride + tile]);
                }
                tile += 1;
            }
        }
    }
}
