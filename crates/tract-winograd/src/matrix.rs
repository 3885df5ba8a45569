use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tract_core::internal::*;

use crate::team::share_chunks;

/// How the weights of dense layers are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Storage {
    /// As they are.
    #[default]
    F32,
    /// Rounded to half precision: half the memory, and half the time where reading it is most of
    /// the work.
    F16,
}

/// A matrix of weights, row by row.
pub(crate) struct Matrix {
    /// Rows and columns.
    pub(crate) size: [usize; 2],
    pub(crate) values: Values,
}

pub(crate) enum Values {
    F32(Arc<Tensor>),
    F16(Vec<u16>),
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let storage = match self.values {
            Values::F32(_) => Storage::F32,
            Values::F16(_) => Storage::F16,
        };
        write!(f, "{}×{} {storage:?}", self.size[0], self.size[1])
    }
}

impl Matrix {
    pub(crate) fn new(
        tensor: &Arc<Tensor>,
        size: [usize; 2],
        storage: Storage,
    ) -> TractResult<Self> {
        let values = match storage {
            Storage::F32 => Values::F32(Arc::clone(tensor)),
            Storage::F16 => {
                let view = tensor.try_as_plain_ram()?;
                let from = view.as_slice::<f32>()?;
                let mut halves = vec![0; from.len()];
                share_chunks(&mut halves, ROUNDED, |index, halves| {
                    for (half, value) in halves.iter_mut().zip(&from[index * ROUNDED..]) {
                        *half = f16::from_f32(*value).to_bits();
                    }
                });
                Values::F16(halves)
            }
        };
        Ok(Self { size, values })
    }

    /// Whether this is `tensor`, or, if `transposed`, that with its axes exchanged.
    fn is(&self, tensor: &Tensor, size: [usize; 2], transposed: bool) -> TractResult<bool> {
        let own = if transposed { [self.size[1], self.size[0]] } else { self.size };
        if own != size {
            return Ok(false);
        }
        let view = tensor.try_as_plain_ram()?;
        let other = view.as_slice::<f32>()?;
        Ok(match &self.values {
            Values::F32(own) if !transposed && std::ptr::eq(&**own, tensor) => true,
            Values::F32(tensor) => {
                let view = tensor.try_as_plain_ram()?;
                let own = view.as_slice::<f32>()?;
                same(own, self.size, other, transposed, |a, b| a.to_bits() == b.to_bits())
            }
            Values::F16(own) => {
                same(own, self.size, other, transposed, |a, b| *a == f16::from_f32(*b).to_bits())
            }
        })
    }
}

/// Values that are rounded together.
const ROUNDED: usize = 1 << 16;

/// Side of the squares in which a matrix is turned, or compared with a transposed one, so that both
/// stay in the cache.
const SQUARE: usize = 32;

fn same<T, U>(
    a: &[T],
    [rows, columns]: [usize; 2],
    b: &[U],
    transposed: bool,
    equal: impl Fn(&T, &U) -> bool,
) -> bool {
    if !transposed {
        return a.iter().zip(b).all(|(a, b)| equal(a, b));
    }
    (0..rows).step_by(SQUARE).all(|top| {
        (0..columns).step_by(SQUARE).all(|left| {
            (top..rows.min(top + SQUARE)).all(|row| {
                (left..columns.min(left + SQUARE))
                    .all(|column| equal(&a[row * columns + column], &b[column * rows + row]))
            })
        })
    })
}

/// `tensor`, a matrix of this size, with rows and columns exchanged.
pub(crate) fn turned(tensor: &Tensor, [rows, columns]: [usize; 2]) -> TractResult<Tensor> {
    let view = tensor.try_as_plain_ram()?;
    let from = view.as_slice::<f32>()?;
    let mut turned = Tensor::zero::<f32>(&[columns, rows])?;
    let mut view = turned.try_as_plain_ram_mut()?;
    share_chunks(view.as_slice_mut::<f32>()?, SQUARE * rows, |index, to| {
        let left = index * SQUARE;
        for top in (0..rows).step_by(SQUARE) {
            for (column, to) in to.chunks_exact_mut(rows).enumerate() {
                for (row, to) in to[top..].iter_mut().take(SQUARE).enumerate() {
                    *to = from[(top + row) * columns + left + column];
                }
            }
        }
    });
    Ok(turned)
}

/// Matrices that several models have in common: each is in memory once, however many models hold
/// it, the right way round or transposed.
#[derive(Debug, Default)]
pub struct Weights {
    held: Mutex<Vec<Weak<Matrix>>>,
}

impl Weights {
    /// `tensor` as a matrix of `size`, and whether what is held is that with its axes exchanged.
    pub(crate) fn hold(
        &self,
        tensor: &Arc<Tensor>,
        size: [usize; 2],
        storage: Storage,
    ) -> TractResult<(Arc<Matrix>, bool)> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|matrix| matrix.strong_count() > 0);
        for matrix in held.iter().filter_map(Weak::upgrade) {
            for transposed in [false, true] {
                if matrix.is(tensor, size, transposed)? {
                    return Ok((matrix, transposed));
                }
            }
        }
        let matrix = Arc::new(Matrix::new(tensor, size, storage)?);
        held.push(Arc::downgrade(&matrix));
        Ok((matrix, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(size: [usize; 2], of: impl Fn(usize, usize) -> f32) -> Arc<Tensor> {
        let values: Vec<f32> = (0..size[0])
            .flat_map(|i| (0..size[1]).map(move |j| (i, j)))
            .map(|(i, j)| of(i, j))
            .collect();
        Arc::new(Tensor::from_shape(&size, &values).unwrap())
    }

    #[test]
    fn equal_matrices_are_held_once_either_way_round() {
        for storage in [Storage::F32, Storage::F16] {
            let weights = Weights::default();
            let of = |i: usize, j: usize| (i * 100 + j) as f32 / 64.0;
            let (first, transposed) =
                weights.hold(&tensor([70, 33], of), [70, 33], storage).unwrap();
            assert!(!transposed);
            let (again, transposed) =
                weights.hold(&tensor([70, 33], of), [70, 33], storage).unwrap();
            assert!(Arc::ptr_eq(&first, &again) && !transposed);
            let turned = tensor([33, 70], |i, j| of(j, i));
            let (turned, transposed) = weights.hold(&turned, [33, 70], storage).unwrap();
            assert!(Arc::ptr_eq(&first, &turned) && transposed);
            let last =
                tensor([33, 70], |i, j| of(j, i) + if (i, j) == (32, 69) { 1.0 } else { 0.0 });
            let (other, _) = weights.hold(&last, [33, 70], storage).unwrap();
            assert!(!Arc::ptr_eq(&first, &other), "one element differs");
        }
    }

    #[test]
    fn what_nobody_uses_is_let_go() {
        let weights = Weights::default();
        let tensor = tensor([4, 4], |i, j| (i + j) as f32);
        drop(weights.hold(&tensor, [4, 4], Storage::F32).unwrap());
        assert_eq!(Arc::strong_count(&tensor), 1);
    }
}
