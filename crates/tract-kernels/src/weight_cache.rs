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

    /// The matrix in half precision that `tensor`, a float32 matrix, or its transpose was rounded
    /// to. `None` if no model holds it.
    ///
    /// # Errors
    /// tract's error for a tensor whose elements cannot be read.
    pub fn rounded(&self, tensor: &Tensor) -> TractResult<Option<RoundedWeights>> {
        let &[rows, columns] = tensor.shape() else { return Ok(None) };
        let matrices = self.matrices.lock().unwrap_or_else(PoisonError::into_inner);
        for matrix in matrices.iter().filter_map(Weak::upgrade) {
            let is_rounded = matches!(matrix.elements, Elements::F16(_));
            for transposed in [false, true] {
                if is_rounded && matrix.equals(tensor, [rows, columns], transposed)? {
                    return Ok(Some(RoundedWeights { matrix, transposed }));
                }
            }
        }
        Ok(None)
    }
}

/// A weight matrix in half precision, shared with the models that hold it.
#[derive(Debug, Clone)]
pub struct RoundedWeights {
    matrix: Arc<WeightMatrix>,
    transposed: bool,
}

impl RoundedWeights {
    /// The rounded weights as float32.
    ///
    /// # Errors
    /// tract's error for a matrix whose size does not fit its elements.
    pub fn to_f32(&self) -> TractResult<Tensor> {
        let floats: Vec<f32> = match &self.matrix.elements {
            Elements::F16(halves) => halves.iter().map(|&it| f16::from_bits(it).to_f32()).collect(),
            Elements::F32(tensor) => tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec(),
        };
        let tensor = Tensor::from_shape(&self.matrix.size, &floats)?;
        if self.transposed { tensor.permute_axes(&[1, 0]) } else { Ok(tensor) }
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
    fn rounded_weights_are_found_by_the_floats_and_equal_them_up_to_rounding() {
        let cache = WeightCache::default();
        let element = |i: usize, j: usize| 1.0 + (i * 100 + j) as f32 / 4096.0;
        let floats = tensor([70, 33], element);
        let half = WeightPrecision::F16;
        let (_held, _) = cache.get_or_insert(&floats, [70, 33], half).unwrap();
        let expected = tensor([70, 33], |i, j| f16::from_f32(element(i, j)).to_f32());
        let rounded = cache.rounded(&floats).unwrap().unwrap();
        assert_eq!(rounded.to_f32().unwrap(), *expected);
        let transposed = tensor([33, 70], |i, j| element(j, i));
        let rounded = cache.rounded(&transposed).unwrap().unwrap();
        assert_eq!(
            rounded.to_f32().unwrap(),
            *tensor([33, 70], |i, j| expected_at(&expected, j, i))
        );
        assert!(cache.rounded(&tensor([70, 33], |_, _| 3.0)).unwrap().is_none());
    }

    fn expected_at(tensor: &Tensor, i: usize, j: usize) -> f32 {
        tensor.to_plain_array_view::<f32>().unwrap()[[i, j]]
    }

    #[test]
    fn a_matrix_without_users_is_freed() {
        let cache = WeightCache::default();
        let tensor = tensor([4, 4], |i, j| (i + j) as f32);
        drop(cache.get_or_insert(&tensor, [4, 4], WeightPrecision::F32).unwrap());
        assert_eq!(Arc::strong_count(&tensor), 1);
    }
}
