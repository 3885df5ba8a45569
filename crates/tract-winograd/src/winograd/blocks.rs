/// Tiles that are transformed, multiplied and transformed back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// The first row and column of tiles.
    pub(super) start: [usize; 2],
    /// Rows and columns of tiles.
    pub(super) size: [usize; 2],
}

impl Block {
    pub(super) fn tiles(&self) -> usize {
        self.size[0] * self.size[1]
    }
}

/// How the tiles of an image are cut into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocks {
    tiles: [usize; 2],
    /// Rows and columns of tiles in a block, but for those at the far edges.
    pub(super) size: [usize; 2],
}

impl Blocks {
    /// Blocks of about `most` tiles, all of nearly the same size.
    pub(super) fn cut(tiles: [usize; 2], most: usize) -> Self {
        let [rows, columns] = tiles;
        let size = if columns > most {
            [1, columns.div_ceil(columns.div_ceil(most))]
        } else {
            let high = (most / columns).clamp(1, rows);
            [rows.div_ceil(rows.div_ceil(high)), columns]
        };
        Self { tiles, size }
    }

    fn across(&self) -> usize {
        self.tiles[1].div_ceil(self.size[1])
    }

    pub(super) fn count(&self) -> usize {
        self.tiles[0].div_ceil(self.size[0]) * self.across()
    }

    pub(super) fn get(&self, index: usize) -> Block {
        let place = [index / self.across(), index % self.across()];
        let start = [0, 1].map(|axis| place[axis] * self.size[axis]);
        let size = [0, 1].map(|axis| self.size[axis].min(self.tiles[axis] - start[axis]));
        Block { start, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_tile_once() {
        for rows in 1..30 {
            for columns in (1..30).chain([200]) {
                for most in [1, 7, 100] {
                    let blocks = Blocks::cut([rows, columns], most);
                    let mut seen = vec![0; rows * columns];
                    for block in (0..blocks.count()).map(|index| blocks.get(index)) {
                        assert!(block.tiles() <= most, "{block:?}");
                        for row in block.start[0]..block.start[0] + block.size[0] {
                            for column in block.start[1]..block.start[1] + block.size[1] {
                                seen[row * columns + column] += 1;
                            }
                        }
                    }
                    assert!(seen.iter().all(|&times| times == 1), "{rows}×{columns} by {most}");
                }
            }
        }
    }
}
