//! Batched products of two matrices of any strides. Both factors are packed on the way to the
//! micro-kernel, a part at a time, so that no second copy of constant weights is kept, and axes
//! need not be moved first.

use std::ops::Range;

use crate::epilogue::Epilogue;
use crate::gemm::{GemmTile, tile_rows};
use crate::scratch::with_scratch;
use crate::simd::{Isa, Lanes, Simd, SimdOp, WIDTH};
use crate::thread_pool::{current_threads, parallel_for};

/// Bytes of the left factor that one task packs. They are read in order, once for each panel of the
/// right factor, which stays in the second level cache.
const PACKED_BYTES: usize = 3 << 20;

/// The least number of tiles of rows of a task. With fewer, packing the right factor would matter.
const MIN_TILES: usize = 4;

/// Multiplications below which one thread finishes before another one could help.
const MIN_SHARED: usize = 1 << 18;

/// An index of a product, and its offsets in arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offsets<const N: usize>(pub(crate) Vec<[usize; N]>);

impl<const N: usize> Offsets<N> {
    /// Whether the elements of `range` are adjacent in array `array`.
    fn are_adjacent(&self, array: usize, range: Range<usize>) -> bool {
        let offsets = &self.0[range];
        offsets.iter().zip(offsets[0][array]..).all(|(offset, next)| offset[array] == next)
    }
}

/// c\[batch\]\[row\]\[column\] = Σ a\[batch\]\[row\]\[k\] · b\[batch\]\[k\]\[column\]: for each
/// index, its offsets. The offset of an element is the sum of the offsets of its indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MatmulLayout {
    /// In a, b and c.
    pub(crate) batch: Offsets<3>,
    /// In a and c.
    pub(crate) rows: Offsets<2>,
    /// In a and b.
    pub(crate) depth: Offsets<2>,
    /// In b and c.
    pub(crate) columns: Offsets<2>,
}

/// What is added to a product, beside the residual of an [`Epilogue`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bias {
    None,
    Rows(Vec<f32>),
    Columns(Vec<f32>),
}

/// The products of all batches, followed by `epilogue`.
pub(crate) fn matmul(
    isa: Isa,
    layout: &MatmulLayout,
    [a, b]: [&[f32]; 2],
    bias: &Bias,
    epilogue: &Epilogue,
) {
    let MatmulLayout { batch, rows, depth, columns } = layout;
    let [batch, rows, depth, columns] =
        [batch.0.len(), rows.0.len(), depth.0.len(), columns.0.len()];
    let panel = isa.panel() * WIDTH;
    let tile = tile_rows(rows, isa.max_rows(), isa.panel());
    let (tiles, panels) = (rows.div_ceil(tile), columns.div_ceil(panel));
    let is_shared = batch * rows * columns * depth >= MIN_SHARED;
    let tasks = if is_shared && current_threads() > 1 { 4 * current_threads() } else { 1 };
    // Tiles of rows and panels of columns that are computed together.
    let fitting = PACKED_BYTES / (depth.next_multiple_of(WIDTH) * tile * size_of::<f32>());
    let wanted = tiles.div_ceil(tasks.div_ceil(batch)).max(MIN_TILES);
    let row_part = wanted.min(fitting.max(1)).min(tiles);
    let row_parts = tiles.div_ceil(row_part);
    let column_part = panels.div_ceil(tasks.div_ceil(batch * row_parts));
    let column_parts = panels.div_ceil(column_part);
    let parts = batch * row_parts * column_parts;
    let parts_per_task = parts.div_ceil(2 * tasks).max(1);
    let depth_blocks = depth.div_ceil(WIDTH);
    parallel_for(parts.div_ceil(parts_per_task), |task| {
        let sizes = [
            row_part * tile * depth_blocks,
            depth_blocks * WIDTH * isa.panel(),
            tile * isa.panel(),
        ];
        with_scratch(sizes, |[packed_a, packed_b, product]| {
            for part in task * parts_per_task..parts.min((task + 1) * parts_per_task) {
                let (row, column) = (part / column_parts % row_parts, part % column_parts);
                isa.dispatch(Part {
                    layout,
                    factors: [a, b],
                    bias,
                    epilogue,
                    batch: part / column_parts / row_parts,
                    tile,
                    tiles: row * row_part..tiles.min((row + 1) * row_part),
                    panels: column * column_part..panels.min((column + 1) * column_part),
                    packed_a: &mut *packed_a,
                    packed_b: &mut *packed_b,
                    product: &mut *product,
                });
            }
        });
    });
}

/// Some rows and columns of one product.
struct Part<'a> {
    layout: &'a MatmulLayout,
    factors: [&'a [f32]; 2],
    bias: &'a Bias,
    epilogue: &'a Epilogue<'a>,
    batch: usize,
    /// The height of a tile.
    tile: usize,
    tiles: Range<usize>,
    panels: Range<usize>,
    packed_a: &'a mut [Lanes],
    packed_b: &'a mut [Lanes],
    product: &'a mut [Lanes],
}

impl SimdOp for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(mut self, simd: S) {
        let (rows, depth) = (self.layout.rows.0.len(), self.layout.depth.0.len());
        let size = self.tile * depth.div_ceil(WIDTH);
        let first_tile = self.tiles.start;
        for tile in self.tiles.clone() {
            let range = tile * self.tile..rows.min((tile + 1) * self.tile);
            self.pack_a(simd, range, (tile - first_tile) * size);
        }
        for panel in self.panels.clone() {
            let width = S::PANEL * WIDTH;
            let columns = panel * width..self.layout.columns.0.len().min((panel + 1) * width);
            self.pack_b(simd, columns.clone());
            let steps = depth.div_ceil(self.tiles.len());
            for tile in self.tiles.clone() {
                if panel + 1 < self.panels.end {
                    let step = (tile - first_tile) * steps;
                    self.prefetch_b(simd, columns.end, step..depth.min(step + steps));
                }
                GemmTile {
                    rows: self.tile,
                    depth,
                    a: &self.packed_a[(tile - first_tile) * size..][..size],
                    a_stride: self.tile,
                    b: &self.packed_b[..depth * S::PANEL],
                    c: self.product,
                }
                .eval(simd);
                let range = tile * self.tile..rows.min((tile + 1) * self.tile);
                self.store(simd, range, columns.clone());
            }
        }
    }
}

impl Part<'_> {
    /// Packs rows as [`GemmTile::a`]. Rows that are missing in the tile, and elements beyond the
    /// depth, may be anything: nothing reads them.
    #[inline(always)]
    fn pack_a<S: Simd>(&mut self, simd: S, range: Range<usize>, at: usize) {
        let MatmulLayout { batch, rows, depth, .. } = self.layout;
        let a = &self.factors[0][batch.0[self.batch][0]..];
        let offsets = &rows.0[range.clone()];
        let rows_are_adjacent = rows.are_adjacent(0, range.clone());
        let blocks = self.packed_a[at..].chunks_exact_mut(self.tile);
        for (block, start) in blocks.zip((0..depth.0.len()).step_by(WIDTH)) {
            let end = depth.0.len().min(start + WIDTH);
            if depth.are_adjacent(0, start..end) {
                for ([row, _], to) in offsets.iter().zip(block) {
                    let from = &a[row + depth.0[start][0]..][..end - start];
                    simd.store(simd.load_slice(from), to);
                }
            } else if rows_are_adjacent {
                let mut vectors = [simd.splat(0.0); WIDTH];
                for ([k, _], vector) in depth.0[start..end].iter().zip(&mut vectors) {
                    *vector = simd.load_slice(&a[k + offsets[0][0]..][..offsets.len()]);
                }
                simd.transpose(&mut vectors);
                for (vector, to) in vectors.into_iter().zip(&mut block[..offsets.len()]) {
                    simd.store(vector, to);
                }
            } else {
                for ([row, _], to) in offsets.iter().zip(block) {
                    for ([k, _], to) in depth.0[start..end].iter().zip(&mut to.0) {
                        *to = a[row + k];
                    }
                }
            }
        }
    }

    /// Packs columns as [`GemmTile::b`].
    #[inline(always)]
    fn pack_b<S: Simd>(&mut self, simd: S, range: Range<usize>) {
        let MatmulLayout { batch, depth, columns, .. } = self.layout;
        let b = &self.factors[1][batch.0[self.batch][1]..];
        if columns.are_adjacent(0, range.clone()) {
            let first = columns.0[range.start][0];
            let packed = self.packed_b.chunks_exact_mut(S::PANEL);
            for ([_, k], to) in depth.0.iter().zip(packed) {
                let from = &b[k + first..][..range.len()];
                let mut vectors = from.chunks(WIDTH);
                for to in to {
                    simd.store(simd.load_slice(vectors.next().unwrap_or_default()), to);
                }
            }
            return;
        }
        for vector in 0..S::PANEL {
            let first = range.start + vector * WIDTH;
            let last = range.end.min(first + WIDTH);
            if first >= last {
                for to in self.packed_b.iter_mut().skip(vector).step_by(S::PANEL) {
                    simd.store(simd.splat(0.0), to);
                }
                continue;
            }
            let offsets = &columns.0[first..last];
            for start in (0..depth.0.len()).step_by(WIDTH) {
                let end = depth.0.len().min(start + WIDTH);
                let to = self.packed_b[start * S::PANEL + vector..].iter_mut().step_by(S::PANEL);
                if depth.are_adjacent(1, start..end) {
                    let mut vectors = [simd.splat(0.0); WIDTH];
                    for ([column, _], vector) in offsets.iter().zip(&mut vectors) {
                        let from = &b[column + depth.0[start][1]..][..end - start];
                        *vector = simd.load_slice(from);
                    }
                    simd.transpose(&mut vectors);
                    for (vector, to) in vectors.into_iter().zip(to).take(end - start) {
                        simd.store(vector, to);
                    }
                } else {
                    for ([_, k], to) in depth.0[start..end].iter().zip(to) {
                        to.0 = [0.0; WIDTH];
                        for ([column, _], to) in offsets.iter().zip(&mut to.0) {
                            *to = b[column + k];
                        }
                    }
                }
            }
        }
    }

    /// Prefetches some rows of the panel that begins at `column`. They may be far apart, so that
    /// the processor does not prefetch them itself.
    #[inline(always)]
    fn prefetch_b<S: Simd>(&self, simd: S, column: usize, range: Range<usize>) {
        let MatmulLayout { batch, depth, columns, .. } = self.layout;
        let start = batch.0[self.batch][1] + columns.0[column][0];
        for [_, k] in depth.0.get(range).unwrap_or_default() {
            for vector in 0..S::PANEL {
                let offset = start + k + vector * WIDTH;
                simd.prefetch(self.factors[1].as_ptr().wrapping_add(offset));
            }
        }
    }

    /// Stores the product of some rows and a panel of columns.
    #[inline(always)]
    fn store<S: Simd>(&self, simd: S, rows: Range<usize>, columns: Range<usize>) {
        let layout = self.layout;
        let [.., start] = layout.batch.0[self.batch];
        for vector in 0..S::PANEL {
            let first = columns.start + vector * WIDTH;
            let last = columns.end.min(first + WIDTH);
            if first >= last {
                break;
            }
            let bias = match self.bias {
                Bias::Columns(bias) => simd.load_slice(&bias[first..last]),
                _ => simd.splat(0.0),
            };
            let is_adjacent = layout.columns.are_adjacent(1, first..last);
            let products = self.product[vector..].iter().step_by(S::PANEL);
            for (row, product) in rows.clone().zip(products) {
                let mut sum = simd.add(simd.load(product), bias);
                if let Bias::Rows(bias) = self.bias {
                    sum = simd.add(sum, simd.splat(bias[row]));
                }
                let offset = start + layout.rows.0[row][1];
                if is_adjacent {
                    let offset = offset + layout.columns.0[first][1];
                    // SAFETY: no two parts have both a row and a column of a batch in common.
                    unsafe { self.epilogue.apply(simd, sum, offset, last - first) };
                    continue;
                }
                let mut lanes = Lanes::default();
                simd.store(sum, &mut lanes);
                for ([_, column], lane) in layout.columns.0[first..last].iter().zip(lanes.0) {
                    // SAFETY: as above.
                    unsafe { self.epilogue.apply(simd, simd.splat(lane), offset + column, 1) };
                }
            }
        }
    }
}
