use tract_core::internal::*;

/// The elements of a numeric tensor, as float32.
pub(super) fn floats(tensor: &Tensor) -> TractResult<Vec<f32>> {
    Ok(tensor.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}

/// One value for each of `channels`. The tensor holds that many values or a single one for all
/// channels; `None` for any other number.
pub(super) fn per_channel(tensor: &Tensor, channels: usize) -> TractResult<Option<Vec<f32>>> {
    let values = floats(tensor)?;
    Ok(match values.as_slice() {
        [value] => Some(vec![*value; channels]),
        several if several.len() == channels => Some(values),
        _ => None,
    })
}

/// The value that all elements of a float32 constant have in common.
pub(super) fn uniform(tensor: &Tensor) -> TractResult<Option<f32>> {
    if tensor.datum_type() != f32::datum_type() {
        return Ok(None);
    }
    let values = floats(tensor)?;
    let first = values.first().copied();
    Ok(first.filter(|first| values.iter().all(|value| value == first)))
}
