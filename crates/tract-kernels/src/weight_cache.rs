use std::sync::{Arc, Mutex, PoisonError, Weak};

use tract_core::internal::*;

use crate::weight_matrix::{WeightMatrix, WeightPrecision};

/// The weight matrices that several models share. Each matrix is in memory once, however many
/// models hold it, and even if some of them hold its transpose. The cache itself holds no matrix
/// alive.
#[derive(Debug, Default)]
pub struct WeightCache {
    matrices: Mutex<Vec<Weak<WeightMatrix>>>,
}

impl WeightCache {
    /// The matrix of the cache that equals `tensor`, a matrix of `size`, or its transpose. Without
    /// such a matrix, `tensor` is added. The second value tells whether the first is the transpose.
    pub(crate) fn get_or_insert(
        &self,
        tensor: &Arc<Tensor>,
        size: [usize; 2],
        precision: WeightPrecision,
    ) -> TractResult<(Arc<WeightMatrix>, bool)> {
        let mut matrices = self.matrices.lock().unwrap_or_else(PoisonError::into_inner);
        matrices.retain(|matrix| matrix.strong_count() > 0);
        for matrix in matrices.iter().filter_map(Weak::upgrade) {
            for transposed in [false, true] {
                if matrix.equals(tensor, size, transposed)? {
                    return Ok((matrix, transposed));
                }
            }
        }
        let matrix = Arc::new(WeightMatrix::new(tensor, size, precision)?);
        matrices.push(Arc::downgrade(&matrix));
        Ok((matrix, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(size: [usize; 2], element: impl Fn(usize, usize) -> f32) -> Arc<Tensor> {
        let values: Vec<f32> = (0..size[0])
            .flat_map(|i| (0..size[1]).map(move |j| (i, j)))
            .map(|(i, j)| element(i, j))
            .collect();
        Arc::new(Tensor::from_shape(&size, &values).unwrap())
    }

    #[test]
    fn equal_and_transposed_matrices_are_stored_once() {
        for precision in [WeightPrecision::F32, WeightPrecision::F16] {
            let cache = WeightCache::default();
            let get =
                |tensor: &Arc<Tensor>, size| cache.get_or_insert(tensor, size, precision).unwrap();
            let element = |i: usize, j: usize| (i * 100 + j) as f32 / 64.0;
            let (first, transposed) = get(&tensor([70, 33], element), [70, 33]);
            assert!(!transposed);
            let (again, transposed) = get(&tensor([70, 33], element), [70, 33]);
            assert!(Arc::ptr_eq(&first, &again) && !transposed);
            let (found, transposed) = get(&tensor([33, 70], |i, j| element(j, i)), [33, 70]);
            assert!(Arc::ptr_eq(&first, &found) && transposed);
            let changed = |i, j| element(j, i) + if (i, j) == (32, 69) { 1.0 } else { 0.0 };
            let (other, _) = get(&tensor([33, 70], changed), [33, 70]);
            assert!(!Arc::ptr_eq(&first, &other), "one element differs");
        }
    }

    #[test]
    fn a_matrix_without_users_is_freed() {
        let cache = WeightCache::default();
        let tensor = tensor([4, 4], |i, j| (i + j) as f32);
        drop(cache.get_or_insert(&tensor, [4, 4], WeightPrecision::F32).unwrap());
        assert_eq!(Arc::strong_count(&tensor), 1);
    }
}
