use std::sync::{Arc, Mutex, PoisonError, Weak};

use tract_core::internal::*;

use crate::weight_matrix::{Elements, WeightMatrix, WeightPrecision};

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

    /// The matrix of the cache that equals `tensor`, a float32 matrix, or its transpose, up to the
    /// precision of the cache. `None` if no model holds one.
    ///
    /// # Errors
    /// tract's error for a tensor whose elements cannot be read.
    pub fn find(&self, tensor: &Tensor) -> TractResult<Option<SharedMatrix>> {
        let &[rows, columns] = tensor.shape() else { return Ok(None) };
        if tensor.datum_type() != f32::datum_type() {
            return Ok(None);
        }
        let matrices = self.matrices.lock().unwrap_or_else(PoisonError::into_inner);
        for matrix in matrices.iter().filter_map(Weak::upgrade) {
            let fits = match &matrix.elements {
                Elements::F32(tensor) => *tensor.shape() == matrix.size,
                Elements::F16(_) => true,
            };
            for is_transposed in [false, true] {
                if fits && matrix.equals(tensor, [rows, columns], is_transposed)? {
                    return Ok(Some(SharedMatrix { matrix, is_transposed }));
                }
            }
        }
        Ok(None)
    }
}

/// A weight matrix that models share.
#[derive(Debug, Clone)]
pub struct SharedMatrix {
    matrix: Arc<WeightMatrix>,
    is_transposed: bool,
}

impl SharedMatrix {
    /// Whether the matrix is the transpose of the tensor for which it was found.
    #[must_use]
    pub fn is_transposed(&self) -> bool {
        self.is_transposed
    }

    /// The matrix as float32. It is a copy if the models hold it in half precision.
    ///
    /// # Errors
    /// tract's error for a matrix whose size does not fit its elements.
    pub fn tensor(&self) -> TractResult<Arc<Tensor>> {
        match &self.matrix.elements {
            Elements::F32(tensor) => Ok(Arc::clone(tensor)),
            Elements::F16(halves) => {
                let floats: Vec<f32> =
                    halves.iter().map(|&half| f16::from_bits(half).to_f32()).collect();
                Ok(Arc::new(Tensor::from_shape(&self.matrix.size, &floats)?))
            }
        }
    }

    /// The address of the matrix, and the memory that it takes in bytes, as in
    /// [`stored_bytes`](crate::stored_bytes()).
    #[must_use]
    pub fn stored_bytes(&self) -> (usize, usize) {
        self.matrix.stored_bytes()
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
    fn matrices_are_found_by_the_tensors_that_they_store() {
        let element = |i: usize, j: usize| 1.0 + (i * 100 + j) as f32 / 4096.0;
        let round = |value: f32| f16::from_f32(value).to_f32();
        let (plain, transposed) =
            (tensor([70, 33], element), tensor([33, 70], |i, j| element(j, i)));
        let rounded = tensor([70, 33], |i, j| round(element(i, j)));
        for (precision, stored) in
            [(WeightPrecision::F32, &plain), (WeightPrecision::F16, &rounded)]
        {
            let cache = WeightCache::default();
            assert!(cache.find(&plain).unwrap().is_none());
            let (_held, _) = cache.get_or_insert(&plain, [70, 33], precision).unwrap();
            for (tensor, is_transposed) in [(&plain, false), (&transposed, true)] {
                let found = cache.find(tensor).unwrap().unwrap();
                assert_eq!(found.is_transposed(), is_transposed);
                assert_eq!(found.tensor().unwrap(), *stored);
            }
            assert!(cache.find(&tensor([70, 33], |_, _| 3.0)).unwrap().is_none());
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
