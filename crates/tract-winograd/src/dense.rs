//! Products of one vector by a matrix of weights. Reading the matrix is nearly all of the work.

use crate::scratch::lend;
use crate::simd::{Isa, Kernel, Lanes, Simd, WIDTH, floats, floats_mut};
use crate::team::{share_chunks, threads};

/// Rows that are read side by side.
const ROWS: usize = 4;

/// How many weights before it is read a weight is asked for: the machine does not look beyond a
/// page.
const AHEAD: usize = 512;

/// A weight as it is stored.
pub(crate) trait Weight: Copy + Sync {
    /// The first lanes from at most sixteen weights, the others zero.
    fn load<S: Simd>(simd: S, from: &[Self]) -> S::Vector;
}

impl Weight for f32 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self]) -> S::Vector {
        simd.load_slice(from)
    }
}

/// Half precision, as its bits.
impl Weight for u16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self]) -> S::Vector {
        match from.first_chunk() {
            Some(halves) => simd.load_halves(halves),
            None => {
                let mut halves = [0; WIDTH];
                halves[..from.len()].copy_from_slice(from);
                simd.load_halves(&halves)
            }
        }
    }
}

/// y = W x: each output is the product of `x` and one row of `matrix`.
pub(crate) fn by_rows<T: Weight>(isa: Isa, matrix: &[T], x: &[f32], y: &mut [f32]) {
    let columns = x.len();
    let at_once = y.len().div_ceil(16 * threads()).next_multiple_of(ROWS);
    share_chunks(y, at_once, |piece, y| {
        let rows = &matrix[piece * at_once * columns..][..y.len() * columns];
        isa.run(Rows { rows, x, y });
    });
}

/// Weights that [`by_columns`] reads in one piece of work: what it costs to add the pieces up is
/// little beside it.
const PIECE: usize = 1 << 21;

/// y = Wᵀ x: the rows of `matrix`, each by one element of `x`, are added up; a row whose element is
/// zero, as most are behind a ReLU, is not read. Pieces are whole rows, so that memory is read in
/// order; they do not depend on the number of threads, nor does the sum.
pub(crate) fn by_columns<T: Weight>(isa: Isa, matrix: &[T], x: &[f32], y: &mut [f32]) {
    let columns = y.len();
    let rows = (PIECE / columns).max(1).next_multiple_of(ROWS);
    let lanes = columns.div_ceil(WIDTH);
    lend([x.len().div_ceil(rows) * lanes], |[partial]| {
        share_chunks(partial, lanes, |piece, sums| {
            let x = &x[piece * rows..x.len().min((piece + 1) * rows)];
            let matrix = &matrix[piece * rows * columns..][..x.len() * columns];
            isa.run(Columns { matrix, x, y: &mut floats_mut(sums)[..columns] });
        });
        y.fill(0.0);
        for sums in partial.chunks_exact(lanes) {
            y.iter_mut().zip(floats(sums)).for_each(|(y, sum)| *y += sum);
        }
    });
}

struct Rows<'a, T> {
    rows: &'a [T],
    x: &'a [f32],
    y: &'a mut [f32],
}

impl<T: Weight> Kernel for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let columns = self.x.len();
        let (whole, rest) = self.x.as_chunks::<WIDTH>();
        for (rows, y) in self.rows.chunks(ROWS * columns).zip(self.y.chunks_mut(ROWS)) {
            let mut sums = [simd.splat(0.0); ROWS];
            for (step, x) in whole.iter().enumerate() {
                let x = simd.load_slice(x);
                for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(columns)) {
                    let weights = &row[step * WIDTH..][..WIDTH];
                    simd.prefetch(weights.as_ptr().wrapping_add(AHEAD));
                    *sum = simd.mul_add(T::load(simd, weights), x, *sum);
                }
            }
            let x = simd.load_slice(rest);
            for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(columns)) {
                let weights = T::load(simd, &row[columns - rest.len()..]);
                *sum = simd.mul_add(weights, x, *sum);
            }
            for (y, sum) in y.iter_mut().zip(sums) {
                let mut lanes = Lanes::default();
                simd.store(sum, &mut lanes);
                *y = lanes.0.iter().sum();
            }
        }
    }
}

struct Columns<'a, T> {
    matrix: &'a [T],
    x: &'a [f32],
    y: &'a mut [f32],
}

impl<T: Weight> Kernel for Columns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.y.fill(0.0);
        let rows = self.matrix.chunks_exact(self.y.len()).zip(self.x);
        let mut rows = rows.filter(|(_, x)| **x != 0.0);
        loop {
            let mut group = [(simd.splat(0.0), [].as_slice()); ROWS];
            let mut taken = 0;
            for (slot, (row, x)) in group.iter_mut().zip(&mut rows) {
                *slot = (simd.splat(*x), row);
                taken += 1;
            }
            let group = &group[..taken];
            if group.is_empty() {
                break;
            }
            for (run, y) in self.y.chunks_mut(WIDTH).enumerate() {
                let mut sum = simd.load_slice(y);
                for (factor, row) in group {
                    let weights = &row[run * WIDTH..][..y.len()];
                    simd.prefetch(weights.as_ptr().wrapping_add(AHEAD));
                    sum = simd.mul_add(*factor, T::load(simd, weights), sum);
                }
                simd.store_slice(sum, y);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::Team;

    #[test]
    fn both_ways_agree_with_the_definition() {
        let team = Team::new(3).unwrap();
        for isa in Isa::available() {
            for [rows, columns] in [[1, 1], [3, 17], [70, 300], [301, 45], [5, 2100]] {
                let matrix: Vec<f32> =
                    (0..rows * columns).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
                // Half of them are zero.
                let x = |count: usize| -> Vec<f32> {
                    (0..count).map(|i| (((i * 29) % 53) as f32 / 26.0 - 1.0).max(0.0)).collect()
                };
                let (mut by_row, mut by_column) = (vec![9.0; rows], vec![9.0; columns]);
                team.run(|| {
                    by_rows(isa, &matrix, &x(columns), &mut by_row);
                    by_columns(isa, &matrix, &x(rows), &mut by_column);
                });
                let sum = |count: usize, at: &dyn Fn(usize) -> usize| -> f64 {
                    let x = x(count);
                    (0..count).map(|i| f64::from(matrix[at(i)]) * f64::from(x[i])).sum()
                };
                let close = |got: f32, wanted: f64| {
                    assert!((f64::from(got) - wanted).abs() < 1e-4, "{isa:?}: {got}, not {wanted}");
                };
                for (row, y) in by_row.into_iter().enumerate() {
                    close(y, sum(columns, &|i| row * columns + i));
                }
                for (column, y) in by_column.into_iter().enumerate() {
                    close(y, sum(rows, &|i| i * columns + column));
                }
            }
        }
    }

    #[test]
    fn halves_are_what_they_say() {
        for isa in Isa::available() {
            // 1, −2, 65504 (the greatest), 2⁻¹⁴ (the least normal), 2⁻²⁴ (the least of all), 0, −0.
            let halves = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x0000, 0x8000];
            let wanted = [1.0, -2.0, 65504.0, 0.5f32.powi(14), 0.5f32.powi(24), 0.0, -0.0];
            for (half, wanted) in halves.into_iter().zip(wanted) {
                let mut y = [9.0];
                by_rows::<u16>(isa, &[half; 20], &[0.0, 1.0, 0.0].repeat(7)[..20], &mut y);
                assert_eq!(y[0], 7.0 * wanted, "{isa:?}: {half:#x}");
            }
        }
    }
}
