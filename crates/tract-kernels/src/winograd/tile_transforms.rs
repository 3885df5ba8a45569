//! The transforms of Winograd's minimal filtering, F(2×2, 3×3) and F(4×4, 3×3), from Lavin & Gray,
//! *Fast Algorithms for Convolutional Neural Networks* (2015), section 4. An output tile is
//! Aᵀ\[(G g Gᵀ) ⊙ (Bᵀ d B)\]A, with kernel g and input tile d. The interpolation points are 0, ±1,
//! ∞ and 0, ±1, ±2, ∞.
//!
//! `IN` is the side of an input tile, 4 or 6. `OUT` is the side of an output tile, 2 or 4.
//!
//! Vectorised code calls no closures, because they would be compiled without the instruction set.

use crate::simd::{Simd, WIDTH};

/// Bᵀ x
#[inline(always)]
fn input<S: Simd, const IN: usize>(simd: S, x: [S::Vector; IN]) -> [S::Vector; IN] {
    let mut y = x;
    if IN == 4 {
        y[0] = simd.sub(x[0], x[2]);
        y[1] = simd.add(x[1], x[2]);
        y[2] = simd.sub(x[2], x[1]);
        y[3] = simd.sub(x[1], x[3]);
    } else {
        let (two, four) = (simd.splat(2.0), simd.splat(4.0));
        let (minus_four, minus_five) = (simd.splat(-4.0), simd.splat(-5.0));
        y[0] = simd.mul_add(four, x[0], simd.mul_add(minus_five, x[2], x[4]));
        y[5] = simd.mul_add(four, x[1], simd.mul_add(minus_five, x[3], x[5]));
        let (even, odd) =
            (simd.mul_add(minus_four, x[2], x[4]), simd.mul_add(minus_four, x[1], x[3]));
        y[1] = simd.add(even, odd);
        y[2] = simd.sub(even, odd);
        let (even, odd) = (simd.sub(x[4], x[2]), simd.sub(x[3], x[1]));
        y[3] = simd.mul_add(two, odd, even);
        y[4] = simd.sub(even, simd.add(odd, odd));
    }
    y
}

/// Aᵀ x
#[inline(always)]
fn output<S: Simd, const IN: usize, const OUT: usize>(
    simd: S,
    x: [S::Vector; IN],
) -> [S::Vector; OUT] {
    let mut y = [x[0]; OUT];
    if IN == 4 {
        y[0] = simd.add(x[0], simd.add(x[1], x[2]));
        y[1] = simd.sub(simd.sub(x[1], x[2]), x[3]);
    } else {
        let (two, four, eight) = (simd.splat(2.0), simd.splat(4.0), simd.splat(8.0));
        let (sum_1, difference_1) = (simd.add(x[1], x[2]), simd.sub(x[1], x[2]));
        let (sum_2, difference_2) = (simd.add(x[3], x[4]), simd.sub(x[3], x[4]));
        y[0] = simd.add(x[0], simd.add(sum_1, sum_2));
        y[1] = simd.mul_add(two, difference_2, difference_1);
        y[2] = simd.mul_add(four, sum_2, sum_1);
        y[3] = simd.add(x[5], simd.mul_add(eight, difference_2, difference_1));
    }
    y
}

/// Bᵀ d B in column-major order, for sixteen channels at once.
#[inline(always)]
pub(super) fn input_tile<S: Simd, const IN: usize>(
    simd: S,
    rows: [[S::Vector; IN]; IN],
) -> [[S::Vector; IN]; IN] {
    let mut columns = rows;
    for (i, row) in rows.into_iter().enumerate() {
        for (j, value) in input(simd, row).into_iter().enumerate() {
            columns[j][i] = value;
        }
    }
    for column in &mut columns {
        *column = input(simd, *column);
    }
    columns
}

/// Aᵀ m A, for sixteen channels at once. `columns` is m in the order of [`input_tile`].
#[inline(always)]
pub(super) fn output_tile<S: Simd, const IN: usize, const OUT: usize>(
    simd: S,
    columns: [[S::Vector; IN]; IN],
) -> [[S::Vector; OUT]; OUT] {
    let mut rows = [[columns[0][0]; IN]; OUT];
    for (j, column) in columns.into_iter().enumerate() {
        let column: [S::Vector; OUT] = output(simd, column);
        for (row, value) in rows.iter_mut().zip(column) {
            row[j] = value;
        }
    }
    let mut tile = [[columns[0][0]; OUT]; OUT];
    for (to, row) in tile.iter_mut().zip(rows) {
        *to = output(simd, row);
    }
    tile
}

/// One row of G. It is applied to three taps.
type Row = [f64; 3];

/// G of F(2×2, 3×3).
const G_2: [Row; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// G of F(4×4, 3×3).
const G_4: [Row; 6] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// G g Gᵀ for sixteen kernels at once, in double precision because it is computed only once. Calls
/// `store` with the index of every point, in the order of [`input_tile`], and its value.
pub(super) fn weight_tile(
    output_tile: usize,
    taps: &[[f64; WIDTH]; 9],
    mut store: impl FnMut(usize, [f32; WIDTH]),
) {
    let matrix: &[Row] = if output_tile == 2 { &G_2 } else { &G_4 };
    let combine = |row: &Row, [a, b, c]: [&[f64; WIDTH]; 3]| -> [f64; WIDTH] {
        std::array::from_fn(|lane| row[0] * a[lane] + row[1] * b[lane] + row[2] * c[lane])
    };
    for (j, across) in matrix.iter().enumerate() {
        let column: [[f64; WIDTH]; 3] = std::array::from_fn(|y| {
            combine(across, [&taps[3 * y], &taps[3 * y + 1], &taps[3 * y + 2]])
        });
        for (i, down) in matrix.iter().enumerate() {
            let point = combine(down, [&column[0], &column[1], &column[2]]);
            store(j * matrix.len() + i, point.map(|value| value as f32));
        }
    }
}
