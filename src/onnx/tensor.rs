use half::{bf16, f16};

use super::OnnxError;
use super::pb::{TensorProto, tensor_proto::DataType};

/// A float32 tensor of `shape`, row-major.
#[must_use]
pub fn float_tensor(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: shape.iter().map(|&dim| dim as i64).collect(),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// An int64 tensor of one dimension.
#[must_use]
pub fn int_tensor(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// The integers of an int64 or int32 tensor, whichever field holds them.
///
/// # Errors
/// [`OnnxError::Tensor`] for another type or a payload of the wrong length.
pub fn read_ints(tensor: &TensorProto) -> Result<Vec<i64>, OnnxError> {
    let values = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Int64) if tensor.raw_data.is_empty() => tensor.int64_data.clone(),
        Ok(DataType::Int64) => raw(&tensor.raw_data, i64::from_le_bytes),
        Ok(DataType::Int32) if tensor.raw_data.is_empty() => {
            tensor.int32_data.iter().map(|&value| i64::from(value)).collect()
        }
        Ok(DataType::Int32) => {
            raw(&tensor.raw_data, |bytes: [u8; 4]| i64::from(i32::from_le_bytes(bytes)))
        }
        _ => return Err(wrong(tensor, "integers were expected")),
    };
    checked(tensor, values)
}

/// The floats of a float32 or float64 tensor, whichever field holds them.
///
/// # Errors
/// [`OnnxError::Tensor`] for another type or a payload of the wrong length.
pub fn read_floats(tensor: &TensorProto) -> Result<Vec<f32>, OnnxError> {
    let values = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) if tensor.raw_data.is_empty() => tensor.float_data.clone(),
        Ok(DataType::Float) => raw(&tensor.raw_data, f32::from_le_bytes),
        Ok(DataType::Double) if tensor.raw_data.is_empty() => {
            tensor.double_data.iter().map(|&value| value as f32).collect()
        }
        Ok(DataType::Double) => {
            raw(&tensor.raw_data, |bytes: [u8; 8]| f64::from_le_bytes(bytes) as f32)
        }
        _ => return Err(wrong(tensor, "floats were expected")),
    };
    checked(tensor, values)
}

/// The numbers of a tensor of floats or integers of any width as float32, whichever field holds
/// them. Integers beyond 2²⁴ are rounded.
///
/// # Errors
/// [`OnnxError::Tensor`] for another type or a payload of the wrong length.
pub fn read_numbers(tensor: &TensorProto) -> Result<Vec<f32>, OnnxError> {
    use DataType::{
        Bfloat16, Bool, Double, Float, Float16, Int8, Int16, Int32, Int64, Uint8, Uint16,
    };
    let half = |bits: u16| f16::from_bits(bits).to_f32();
    let brain = |bits: u16| bf16::from_bits(bits).to_f32();
    // Types of at most 32 bits are in the field of integers unless they are raw.
    let listed = || tensor.int32_data.iter().copied();
    let bytes = &tensor.raw_data;
    let values = match (DataType::try_from(tensor.data_type), bytes.is_empty()) {
        (Ok(Float | Double), _) => return read_floats(tensor),
        (Ok(Int32 | Int64), _) => read_ints(tensor)?.into_iter().map(|it| it as f32).collect(),
        (Ok(Float16), true) => listed().map(|it| half(it as u16)).collect(),
        (Ok(Float16), false) => raw(bytes, |bytes| half(u16::from_le_bytes(bytes))),
        (Ok(Bfloat16), true) => listed().map(|it| brain(it as u16)).collect(),
        (Ok(Bfloat16), false) => raw(bytes, |bytes| brain(u16::from_le_bytes(bytes))),
        (Ok(Int8 | Int16 | Uint8 | Uint16 | Bool), true) => listed().map(|it| it as f32).collect(),
        (Ok(Int8), false) => raw(bytes, |bytes| f32::from(i8::from_le_bytes(bytes))),
        (Ok(Uint8 | Bool), false) => raw(bytes, |bytes| f32::from(u8::from_le_bytes(bytes))),
        (Ok(Int16), false) => raw(bytes, |bytes| f32::from(i16::from_le_bytes(bytes))),
        (Ok(Uint16), false) => raw(bytes, |bytes| f32::from(u16::from_le_bytes(bytes))),
        _ => return Err(wrong(tensor, "floats or integers of 8, 16, 32 or 64 bits were expected")),
    };
    checked(tensor, values)
}

fn raw<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}

fn checked<T>(tensor: &TensorProto, values: Vec<T>) -> Result<Vec<T>, OnnxError> {
    let expected = tensor
        .dims
        .iter()
        .try_fold(1usize, |count, &dim| count.checked_mul(usize::try_from(dim).ok()?));
    if expected == Some(values.len()) {
        return Ok(values);
    }
    let reason = format!("{} values do not fill the shape {:?}", values.len(), tensor.dims);
    Err(wrong(tensor, &reason))
}

fn wrong(tensor: &TensorProto, reason: &str) -> OnnxError {
    OnnxError::Tensor { name: tensor.name.clone(), reason: reason.to_owned() }
}
