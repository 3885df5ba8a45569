//! Products of a matrix of weights and one vector (GEMV). Reading the matrix is nearly all of the
//! work.

use crate::scratch::with_scratch;
use crate::simd::{Isa, Lanes, Simd, SimdOp, WIDTH, as_floats, as_floats_mut};
use crate::thread_pool::{current_threads, parallel_chunks};

/// Rows that are read at the same time.
const ROWS: usize = 4;

/// The prefetch distance, in weights. The processor's own prefetcher stops at the end of a page.
const PREFETCH_DISTANCE: usize = 512;

/// The type of a stored weight.
pub(crate) trait Weight: Copy + Sync {
    /// Loads at most sixteen weights into the first lanes; the other lanes are zero.
    fn load<S: Simd>(simd: S, from: &[Self]) -> S::Vector;
}

impl Weight for f32 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self]) -> S::Vector {
        simd.load_slice(from)
    }
}

/// The bits of a half precision number.
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

/// y = W x, with `matrix` W stored row by row: each output is the dot product of one row and `x`.
pub(crate) fn gemv<T: Weight>(isa: Isa, matrix: &[T], x: &[f32], y: &mut [f32]) {
    let columns = x.len();
    let rows_per_task = y.len().div_ceil(16 * current_threads()).next_multiple_of(ROWS);
    parallel_chunks(y, rows_per_task, |task, y| {
        let matrix = &matrix[task * rows_per_task * columns..][..y.len() * columns];
        isa.dispatch(DotRows { matrix, x, y });
    });
}

/// Weights that one task of [`gemv_transposed`] reads. Beside that, adding up the results of the
/// tasks costs little.
const WEIGHTS_PER_TASK: usize = 1 << 21;

/// y = Wᵀ x, with `matrix` W stored row by row: the sum of all rows, each times one element of `x`.
///
/// A row whose element is zero is not read; after a ReLU, most elements are zero. A task has whole
/// rows, so that memory is read in order. The tasks do not depend on the number of threads, so the
/// result does not either.
pub(crate) fn gemv_transposed<T: Weight>(isa: Isa, matrix: &[T], x: &[f32], y: &mut [f32]) {
    let columns = y.len();
    let rows = (WEIGHTS_PER_TASK / columns).max(1).next_multiple_of(ROWS);
    let lanes = columns.div_ceil(WIDTH);
    with_scratch([x.len().div_ceil(rows) * lanes], |[partial]| {
        parallel_chunks(partial, lanes, |task, sums| {
            let x = &x[task * rows..x.len().min((task + 1) * rows)];
            let matrix = &matrix[task * rows * columns..][..x.len() * columns];
            isa.dispatch(SumRows { matrix, x, y: &mut as_floats_mut(sums)[..columns] });
        });
        y.fill(0.0);
        for sums in partial.chunks_exact(lanes) {
            y.iter_mut().zip(as_floats(sums)).for_each(|(y, sum)| *y += sum);
        }
    });
}

/// Each output is the dot product of one row and `x`.
struct DotRows<'a, T> {
    matrix: &'a [T],
    x: &'a [f32],
    y: &'a mut [f32],
}

impl<T: Weight> SimdOp for DotRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        let columns = self.x.len();
        let (whole, rest) = self.x.as_chunks::<WIDTH>();
        for (rows, y) in self.matrix.chunks(ROWS * columns).zip(self.y.chunks_mut(ROWS)) {
            let mut sums = [simd.splat(0.0); ROWS];
            for (step, x) in whole.iter().enumerate() {
                let x = simd.load_slice(x);
                for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(columns)) {
                    let weights = &row[step * WIDTH..][..WIDTH];
                    simd.prefetch(weights.as_ptr().wrapping_add(PREFETCH_DISTANCE));
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

/// Adds up the rows, each times one element of `x`.
struct SumRows<'a, T> {
    matrix: &'a [T],
    x: &'a [f32],
    y: &'a mut [f32],
}

impl<T: Weight> SimdOp for SumRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        self.y.fill(0.0);
        let rows = self.matrix.chunks_exact(self.y.len()).zip(self.x);
        let mut rows = rows.filter(|(_, x)| **x != 0.0);
        loop {
            let mut group = [(simd.splat(0.0), [].as_slice()); ROWS];
            let mut count = 0;
            for (slot, (row, x)) in group.iter_mut().zip(&mut rows) {
                *slot = (simd.splat(*x), row);
                count += 1;
            }
            let group = &group[..count];
            if group.is_empty() {
                break;
            }
            for (run, y) in self.y.chunks_mut(WIDTH).enumerate() {
                let mut sum = simd.load_slice(y);
                for (factor, row) in group {
                    let weights = &row[run * WIDTH..][..y.len()];
                    simd.prefetch(weights.as_ptr().wrapping_add(PREFETCH_DISTANCE));
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
    use crate::thread_pool::ThreadPool;

    #[test]
    fn products_agree_with_the_definition() {
        let pool = ThreadPool::new(3).unwrap();
        for isa in Isa::available() {
            for [rows, columns] in [[1, 1], [3, 17], [70, 300], [301, 45], [5, 2100]] {
                let matrix: Vec<f32> =
                    (0..rows * columns).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
                // Half of the elements are zero.
                let x = |count: usize| -> Vec<f32> {
                    (0..count).map(|i| (((i * 29) % 53) as f32 / 26.0 - 1.0).max(0.0)).collect()
                };
                let (mut product, mut transposed) = (vec![9.0; rows], vec![9.0; columns]);
                pool.run(|| {
                    gemv(isa, &matrix, &x(columns), &mut product);
                    gemv_transposed(isa, &matrix, &x(rows), &mut transposed);
                });
                let sum = |count: usize, at: &dyn Fn(usize) -> usize| -> f64 {
                    let x = x(count);
                    (0..count).map(|i| f64::from(matrix[at(i)]) * f64::from(x[i])).sum()
                };
                let close = |got: f32, wanted: f64| {
                    assert!((f64::from(got) - wanted).abs() < 1e-4, "{isa:?}: {got}, not {wanted}");
                };
                for (row, y) in product.into_iter().enumerate() {
                    close(y, sum(columns, &|i| row * columns + i));
                }
                for (column, y) in transposed.into_iter().enumerate() {
                    close(y, sum(rows, &|i| i * columns + column));
                }
            }
        }
    }

    #[test]
    fn half_precision_weights_have_the_right_values() {
        for isa in Isa::available() {
            // 1, −2, 65504 (the greatest), 2⁻¹⁴ (the least normal number), 2⁻²⁴ (the least
            // subnormal one), 0, −0.
            let halves = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x0000, 0x8000];
            let wanted = [1.0, -2.0, 65504.0, 0.5f32.powi(14), 0.5f32.powi(24), 0.0, -0.0];
            for (half, wanted) in halves.into_iter().zip(wanted) {
                let mut y = [9.0];
                gemv::<u16>(isa, &[half; 20], &[0.0, 1.0, 0.0].repeat(7)[..20], &mut y);
                assert_eq!(y[0], 7.0 * wanted, "{isa:?}: {half:#x}");
            }
        }
    }
}
