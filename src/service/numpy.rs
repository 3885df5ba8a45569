//! NumPy's file format.

use ndarray::{ArrayBase, Data, Dimension};
use npyz::WriterBuilder;

use super::ServiceError;

/// A float32 array as `numpy.save` writes it, in C order.
///
/// # Errors
/// [`ServiceError::Internal`]. Writing to memory never fails.
pub(super) fn npy<S, D>(array: &ArrayBase<S, D>) -> Result<Vec<u8>, ServiceError>
where
    S: Data<Elem = f32>,
    D: Dimension,
{
    let shape: Vec<u64> = array.shape().iter().map(|&dim| dim as u64).collect();
    let mut file = Vec::with_capacity(array.len() * size_of::<f32>() + 128);
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = options.writer(&mut file).begin_nd().map_err(ServiceError::internal)?;
    writer.extend(array.iter().copied()).map_err(ServiceError::internal)?;
    writer.finish().map_err(ServiceError::internal)?;
    Ok(file)
}
