//! A layer's value as channels × height × width, or the error for a value that is no picture.

use ndarray::{ArrayView3, ArrayViewD};

use super::ServiceError;
use crate::onnx::Layer;

/// Channels, height and width that a layer is drawn as; see [`Layer::drawn_extents`].
///
/// # Errors
/// [`ServiceError::NotAPicture`] for an empty value and one of more than four dimensions.
pub fn picture_shape(layer: &Layer) -> Result<[usize; 3], ServiceError> {
    layer.drawn_extents().ok_or_else(|| not_a_picture(layer))
}

/// A layer's value as channels × height × width; see [`Layer::channels`].
///
/// # Errors
/// [`ServiceError::NotAPicture`].
pub fn channels<'v>(
    layer: &Layer,
    value: ArrayViewD<'v, f32>,
) -> Result<ArrayView3<'v, f32>, ServiceError> {
    layer.channels(value).ok_or_else(|| not_a_picture(layer))
}

fn not_a_picture(layer: &Layer) -> ServiceError {
    ServiceError::NotAPicture { layer: layer.name().to_owned(), shape: layer.shape.clone() }
}
