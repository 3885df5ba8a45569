use crate::gemm::{odd_stride, tile_rows};
use crate::simd::Isa;

/// Tiles that are transformed, multiplied and transformed back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TileBlock {
    /// The first row and column of tiles.
    pub(super) start: [usize; 2],
    /// Rows and columns of tiles.
    pub(super) size: [usize; 2],
}

impl TileBlock {
    pub(super) fn tiles(&self) -> usize {
        self.size[0] * self.size[1]
    }
}

/// How the tiles of an image are divided into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TileBlocks {
    tiles: [usize; 2],
    /// Rows and columns of tiles in a block. Blocks at the far edges may be smaller.
    pub(super) size: [usize; 2],
}

impl TileBlocks {
    /// Divides rows × columns of tiles into blocks of at most `max_tiles`, all of nearly the same
    /// size.
    pub(super) fn new(tiles: [usize; 2], max_tiles: usize) -> Self {
        let [rows, columns] = tiles;
        let size = if columns > max_tiles {
            [1, columns.div_ceil(columns.div_ceil(max_tiles))]
        } else {
            let height = (max_tiles / columns).clamp(1, rows);
            [rows.div_ceil(rows.div_ceil(height)), columns]
        };
        Self { tiles, size }
    }

    fn across(&self) -> usize {
        self.tiles[1].div_ceil(self.size[1])
    }

    pub(super) fn count(&self) -> usize {
        self.tiles[0].div_ceil(self.size[0]) * self.across()
    }

    pub(super) fn get(&self, index: usize) -> TileBlock {
        let position = [index / self.across(), index % self.across()];
        let start = [0, 1].map(|axis| position[axis] * self.size[axis]);
        let size = [0, 1].map(|axis| self.size[axis].min(self.tiles[axis] - start[axis]));
        TileBlock { start, size }
    }
}

/// The sizes of a block's buffers, in units of `Lanes`.
pub(super) struct BlockLayout {
    pub(super) block: TileBlock,
    /// The height of a GEMM tile.
    pub(super) tile_rows: usize,
    /// From the tiles at one point to those at the next one.
    pub(super) point_stride: usize,
    /// All points of all tiles, for one channel block.
    pub(super) points_size: usize,
    /// From the products at one point to those at the next one.
    pub(super) product_stride: usize,
    /// The products at all points, for one panel of output channels.
    pub(super) products_size: usize,
    /// The pixels that the input tiles cover, for one channel block. Those of the output tiles are
    /// fewer.
    pub(super) pixels_size: usize,
}

impl BlockLayout {
    /// The height of a GEMM tile suits blocks of the size `largest`.
    pub(super) fn new<const IN: usize, const OUT: usize>(
        isa: Isa,
        block: TileBlock,
        largest: [usize; 2],
    ) -> Self {
        let (panel, points) = (isa.panel(), IN * IN);
        let tile_rows = tile_rows(largest[0] * largest[1], isa.max_rows(), panel);
        let rows = block.tiles().next_multiple_of(tile_rows);
        let (point_stride, product_stride) = (odd_stride(rows), odd_stride(rows * panel));
        let [height, width] = block.size.map(input_span::<IN, OUT>);
        Self {
            block,
            tile_rows,
            point_stride,
            points_size: points * point_stride,
            product_stride,
            products_size: points * product_stride,
            pixels_size: height * width,
        }
    }
}

/// Pixels of input that a row of `tiles` tiles covers.
pub(super) fn input_span<const IN: usize, const OUT: usize>(tiles: usize) -> usize {
    (tiles - 1) * OUT + IN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_tile_once() {
        for rows in 1..30 {
            for columns in (1..30).chain([200]) {
                for max_tiles in [1, 7, 100] {
                    let blocks = TileBlocks::new([rows, columns], max_tiles);
                    let mut seen = vec![0; rows * columns];
                    for block in (0..blocks.count()).map(|index| blocks.get(index)) {
                        assert!(block.tiles() <= max_tiles, "{block:?}");
                        for row in block.start[0]..block.start[0] + block.size[0] {
                            for column in block.start[1]..block.start[1] + block.size[1] {
                                seen[row * columns + column] += 1;
                            }
                        }
                    }
                    assert!(
                        seen.iter().all(|&times| times == 1),
                        "{rows}×{columns} by {max_tiles}"
                    );
                }
            }
        }
    }
}
