//! Transposed matrices, and comparisons with them, square by square.

use tract_core::internal::*;

use crate::thread_pool::parallel_chunks;

/// The side of the squares. A square and its transpose stay in the cache.
const SQUARE: usize = 32;

/// The transpose of `tensor`, a matrix of rows × columns.
pub(crate) fn transpose(tensor: &Tensor, [rows, columns]: [usize; 2]) -> TractResult<Tensor> {
    let view = tensor.try_as_plain_ram()?;
    let from = view.as_slice::<f32>()?;
    let mut transposed = Tensor::zero::<f32>(&[columns, rows])?;
    let mut view = transposed.try_as_plain_ram_mut()?;
    parallel_chunks(view.as_slice_mut::<f32>()?, SQUARE * rows, |index, to| {
        let left = index * SQUARE;
        for top in (0..rows).step_by(SQUARE) {
            for (column, to) in to.chunks_exact_mut(rows).enumerate() {
                for (row, to) in to[top..].iter_mut().take(SQUARE).enumerate() {
                    *to = from[(top + row) * columns + left + column];
                }
            }
        }
    });
    Ok(transposed)
}

/// Whether `b` is the transpose of `a`, a matrix of rows × columns. `equal` compares two elements.
pub(crate) fn is_transpose<T, U>(
    a: &[T],
    [rows, columns]: [usize; 2],
    b: &[U],
    equal: impl Fn(&T, &U) -> bool,
) -> bool {
    (0..rows).step_by(SQUARE).all(|top| {
        (0..columns).step_by(SQUARE).all(|left| {
            (top..rows.min(top + SQUARE)).all(|row| {
                (left..columns.min(left + SQUARE))
                    .all(|column| equal(&a[row * columns + column], &b[column * rows + row]))
            })
        })
    })
}
