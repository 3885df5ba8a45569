//! The micro-kernel of the matrix product (GEMM) that `winograd`, `im2col`, `im2row`, `matmul` and
//! `dense_batch` share.

use crate::simd::{Lanes, Simd, SimdOp, WIDTH};

/// One tile of a product: c\[i\]\[n\] = Σ a\[i\]\[k\] · b\[k\]\[n\] over k < `depth`.
pub(crate) struct GemmTile<'a> {
    /// i < `rows`, which is at most [`Simd::MAX_ROWS`].
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    /// Packed by [`pack_a`]: for every sixteen k, `a_stride` apart, one vector of these k for each
    /// row.
    pub(crate) a: &'a [Lanes],
    pub(crate) a_stride: usize,
    /// For every k, a panel of vectors.
    pub(crate) b: &'a [Lanes],
    /// For every row, a panel of vectors.
    pub(crate) c: &'a mut [Lanes],
}

impl SimdOp for GemmTile<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        match S::PANEL {
            2 => self.with_panel::<S, 2>(simd),
            _ => self.with_panel::<S, 1>(simd),
        }
    }
}

/// The height of the tiles that cover `rows` rows with the least work. One k of a tile costs its
/// multiplications and the loads of its panel.
pub(crate) fn tile_rows(rows: usize, max_rows: usize, panel: usize) -> usize {
    let cost = |height: &usize| rows.div_ceil(*height) * (panel * height + 3);
    (1..=max_rows.min(rows.max(1))).rev().min_by_key(cost).unwrap_or(1)
}

/// The least odd number from `length` on. Cache lines at odd intervals fall into different sets of
/// the cache.
pub(crate) fn odd_stride(length: usize) -> usize {
    length | 1
}

/// Packs a matrix whose rows have the length `depth` as [`GemmTile::a`]. Tiles of `tile_rows` rows
/// follow each other; the rows that are missing in the last tile are zero.
pub(crate) fn pack_a(rows: &[f32], depth: usize, tile_rows: usize) -> Vec<Lanes> {
    let blocks = depth.div_ceil(WIDTH);
    let tiles = (rows.len() / depth).div_ceil(tile_rows);
    let mut packed = vec![Lanes::default(); tiles * blocks * tile_rows];
    for (row, values) in rows.chunks_exact(depth).enumerate() {
        let tile = &mut packed[row / tile_rows * blocks * tile_rows..][..blocks * tile_rows];
        for (block, values) in values.chunks(WIDTH).enumerate() {
            tile[block * tile_rows + row % tile_rows].0[..values.len()].copy_from_slice(values);
        }
    }
    packed
}

impl GemmTile<'_> {
    #[inline(always)]
    fn with_panel<S: Simd, const PANEL: usize>(self, simd: S) {
        macro_rules! with_rows {
            ($($rows:literal)*) => {
                match self.rows {
                    $($rows if $rows <= S::MAX_ROWS => self.product::<S, $rows, PANEL>(simd),)*
                    rows => unreachable!("a tile of {rows} rows, with a limit of {}", S::MAX_ROWS),
                }
            };
        }
        with_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    }

    #[inline(always)]
    fn product<S: Simd, const ROWS: usize, const PANEL: usize>(self, simd: S) {
        let mut sums = [[simd.splat(0.0); PANEL]; ROWS];
        let panels = &self.b.as_chunks::<PANEL>().0[..self.depth];
        let (blocks, rest) = panels.as_chunks::<WIDTH>();
        let mut rows = self.a.chunks(self.a_stride);
        for block in blocks {
            if let Some(a) = rows.next().and_then(<[Lanes]>::first_chunk::<ROWS>) {
                for (k, panel) in block.iter().enumerate() {
                    // The next block will read this.
                    for vector in panel {
                        simd.prefetch(std::ptr::from_ref(vector).wrapping_add(WIDTH * PANEL));
                    }
                    step(simd, &mut sums, a, k, panel);
                }
            }
        }
        if let Some(a) = rows.next().and_then(<[Lanes]>::first_chunk::<ROWS>) {
            for (k, panel) in rest.iter().enumerate() {
                step(simd, &mut sums, a, k, panel);
            }
        }
        for (c, sums) in self.c.as_chunks_mut::<PANEL>().0.iter_mut().zip(sums) {
            for (to, sum) in c.iter_mut().zip(sums) {
                simd.store(sum, to);
            }
        }
    }
}

#[inline(always)]
fn step<S: Simd, const ROWS: usize, const PANEL: usize>(
    simd: S,
    sums: &mut [[S::Vector; PANEL]; ROWS],
    a: &[Lanes; ROWS],
    k: usize,
    panel: &[Lanes; PANEL],
) {
    let mut vectors = [simd.splat(0.0); PANEL];
    for (vector, from) in vectors.iter_mut().zip(panel) {
        *vector = simd.load(from);
    }
    for (sums, a) in sums.iter_mut().zip(a) {
        let factor = simd.splat(a.0[k]);
        for (sum, vector) in sums.iter_mut().zip(vectors) {
            *sum = simd.mul_add(factor, vector, *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Isa;

    #[test]
    fn tiles_of_every_height_and_odd_depths_are_exact() {
        for isa in Isa::available() {
            for rows in 1..=isa.max_rows() {
                for depth in [1, 7, 16, 17, 40] {
                    let width = isa.panel() * WIDTH;
                    let a: Vec<f32> = (0..rows * depth).map(|i| (i % 11) as f32 - 5.0).collect();
                    let b: Vec<f32> = (0..depth * width).map(|i| (i % 7) as f32 - 3.0).collect();
                    let packed = pack_a(&a, depth, rows);
                    let b_lanes = pack_a(&b, WIDTH, 1);
                    let mut c = vec![Lanes::default(); rows * isa.panel()];
                    isa.dispatch(GemmTile {
                        rows,
                        depth,
                        a: &packed,
                        a_stride: rows,
                        b: &b_lanes,
                        c: &mut c,
                    });
                    for i in 0..rows {
                        for n in 0..width {
                            let want: f32 =
                                (0..depth).map(|k| a[i * depth + k] * b[k * width + n]).sum();
                            let got = c[i * isa.panel() + n / WIDTH].0[n % WIDTH];
                            // Small integers: every sum is exact.
                            assert_eq!(got, want, "{isa:?}, {rows} rows, depth {depth}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn tile_rows_divide_the_rows_evenly() {
        assert_eq!(tile_rows(98, 14, 2), 14);
        assert_eq!(tile_rows(16, 14, 2), 8);
        assert_eq!(tile_rows(1, 14, 2), 1);
        assert_eq!(tile_rows(0, 14, 2), 1);
    }
}
