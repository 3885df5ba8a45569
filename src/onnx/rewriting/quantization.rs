//! Quantized values become float32 values with the same integers, which float32 holds exactly.
//!
//! QuantizeLinear is y = round(clip(x/s, l − z, h − z)) + z for integers from l to h.
//! DequantizeLinear is (x − z)·s. Stored tensors are dequantized here, once. The gradient passes
//! straight through the rounding where the clipping does not limit x.

use super::draft::{Draft, input, optional, output, unsupported};
use crate::onnx::builder::Attribute;
use crate::onnx::pb::tensor_proto::DataType;
use crate::onnx::pb::{NodeProto, TensorProto};
use crate::onnx::{Attributes, OnnxError, read_numbers};

/// The least scale of a dynamic quantization. It keeps an input of zeros finite.
const LEAST_SCALE: f32 = f32::MIN_POSITIVE;

/// Rewrites QuantizeLinear.
pub(super) fn quantize(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let x = input(node, 0)?;
    let (scale, zero_point) = parameters(node, draft)?;
    let [low, high] = range(node, draft)?;
    let output = output(node)?;
    if let Some(tensor) = draft.tensor(x) {
        let axes = Axes::of(node, tensor, &[&scale, &zero_point])?;
        let quantized = |(index, value): (usize, f32)| {
            let (s, z) = (axes.pick(&scale, index), axes.pick(&zero_point, index));
            (value / s).clamp(low - z, high - z).round_ties_even() + z
        };
        let values: Vec<f32> =
            read_numbers(tensor)?.into_iter().enumerate().map(quantized).collect();
        draft.floats_as(output, &shape(tensor), &values);
        return Ok(true);
    }
    let (scale, z) = (single(node, &scale)?, single(node, &zero_point)?);
    let scale = draft.scalar(scale);
    let quotient = draft.node("Div", &[x, &scale], &[])?;
    let limited = clip(draft, &quotient, low - z, high - z)?;
    if z == 0.0 {
        draft.node_to(output, "Round", &[&limited], &[])?;
    } else {
        let rounded = draft.node("Round", &[&limited], &[])?;
        let z = draft.scalar(z);
        draft.node_to(output, "Add", &[&rounded, &z], &[])?;
    }
    Ok(true)
}

/// Rewrites DequantizeLinear.
pub(super) fn dequantize(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let x = input(node, 0)?;
    let (scale, zero_point) = parameters(node, draft)?;
    let output = output(node)?;
    if let Some(tensor) = draft.tensor(x) {
        let axes = Axes::of(node, tensor, &[&scale, &zero_point])?;
        let number = |(index, value): (usize, f32)| {
            (value - axes.pick(&zero_point, index)) * axes.pick(&scale, index)
        };
        let values: Vec<f32> = read_numbers(tensor)?.into_iter().enumerate().map(number).collect();
        draft.floats_as(output, &shape(tensor), &values);
        return Ok(true);
    }
    let (scale, z) = (single(node, &scale)?, single(node, &zero_point)?);
    let mut value = as_float(draft, x)?;
    if z != 0.0 {
        let z = draft.scalar(z);
        value = draft.node("Sub", &[&value, &z], &[])?;
    }
    let scale = draft.scalar(scale);
    draft.node_to(output, "Mul", &[&value, &scale], &[])?;
    Ok(true)
}

/// Rewrites DynamicQuantizeLinear: s = (max(x, 0) − min(x, 0))/255,
/// z = round(clip(−min(x, 0)/s, 0, 255)), y = clip(round(x/s) + z, 0, 255).
pub(super) fn dynamic_quantize(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let (x, y) = (input(node, 0)?, output(node)?);
    let [_, scale, zero_point] = node.output.as_slice() else {
        return Err(unsupported(node, "it has not three outputs"));
    };
    let zero = draft.scalar(0.0);
    let keep = [("keepdims", Attribute::Int(0))];
    let high = draft.node("ReduceMax", &[x], &keep)?;
    let high = draft.node("Max", &[&high, &zero], &[])?;
    let low = draft.node("ReduceMin", &[x], &keep)?;
    let low = draft.node("Min", &[&low, &zero], &[])?;
    let range = draft.node("Sub", &[&high, &low], &[])?;
    let steps = draft.scalar(255.0);
    let step = draft.node("Div", &[&range, &steps], &[])?;
    let least = draft.scalar(LEAST_SCALE);
    draft.node_to(scale, "Max", &[&step, &least], &[])?;
    let offset = draft.node("Div", &[&low, scale], &[])?;
    let offset = draft.node("Neg", &[&offset], &[])?;
    let offset = clip(draft, &offset, 0.0, 255.0)?;
    draft.node_to(zero_point, "Round", &[&offset], &[])?;
    let quotient = draft.node("Div", &[x, scale], &[])?;
    let rounded = draft.node("Round", &[&quotient], &[])?;
    let shifted = draft.node("Add", &[&rounded, zero_point], &[])?;
    clip_to(draft, y, &shifted, 0.0, 255.0)?;
    Ok(true)
}

/// x − z, for a quantized `x` and its zero point. `axis` is that of several zero points.
pub(super) fn centred(
    node: &NodeProto,
    draft: &mut Draft,
    x: &str,
    zero_point: Option<&str>,
    axis: i64,
) -> Result<String, OnnxError> {
    let offsets = zero_point.and_then(|name| draft.tensor(name)).map(read_numbers).transpose()?;
    if let (Some(tensor), true) = (draft.tensor(x), zero_point.is_none() || offsets.is_some()) {
        let offsets = offsets.unwrap_or_else(|| vec![0.0]);
        let axes = Axes::along(node, axis, tensor, &[&offsets])?;
        let values = read_numbers(tensor)?.into_iter().enumerate();
        let values: Vec<f32> =
            values.map(|(index, value)| value - axes.pick(&offsets, index)).collect();
        let shape = shape(tensor);
        return Ok(draft.floats(&shape, &values));
    }
    let value = as_float(draft, x)?;
    match (zero_point, offsets) {
        (None, _) => Ok(value),
        (Some(_), Some(offsets)) => {
            let z = single(node, &offsets)?;
            let z = draft.scalar(z);
            draft.node("Sub", &[&value, &z], &[])
        }
        (Some(name), None) => draft.node("Sub", &[&value, name], &[]),
    }
}

/// The numbers of a stored input of `node`.
pub(super) fn stored(node: &NodeProto, draft: &Draft, name: &str) -> Result<Vec<f32>, OnnxError> {
    let tensor = draft.tensor(name);
    read_numbers(tensor.ok_or_else(|| {
        unsupported(node, &format!("{name:?} is computed; only stored scales are known"))
    })?)
}

/// x as float32.
fn as_float(draft: &mut Draft, x: &str) -> Result<String, OnnxError> {
    draft.node("Cast", &[x], &[("to", Attribute::Int(DataType::Float as i64))])
}

/// x, limited to `low` ≤ x ≤ `high`.
fn clip(draft: &mut Draft, x: &str, low: f32, high: f32) -> Result<String, OnnxError> {
    let y = draft.name("clip");
    clip_to(draft, &y, x, low, high)?;
    Ok(y)
}

/// Adds the node that computes `y`: x, limited to `low` ≤ x ≤ `high`. The bounds are attributes
/// before operator set 11.
fn clip_to(draft: &mut Draft, y: &str, x: &str, low: f32, high: f32) -> Result<(), OnnxError> {
    if draft.opset < 11 {
        let bounds = [("min", Attribute::Float(low)), ("max", Attribute::Float(high))];
        return draft.node_to(y, "Clip", &[x], &bounds);
    }
    let (low, high) = (draft.scalar(low), draft.scalar(high));
    draft.node_to(y, "Clip", &[x, &low, &high], &[])
}

/// Scales and zero points of a QuantizeLinear or DequantizeLinear.
fn parameters(node: &NodeProto, draft: &Draft) -> Result<(Vec<f32>, Vec<f32>), OnnxError> {
    if node.int("block_size", 0) != 0 {
        return Err(unsupported(node, "block_size is not known; quantize by tensor or channel"));
    }
    let scale = stored(node, draft, input(node, 1)?)?;
    let zero_point = optional(node, 2).map(|name| stored(node, draft, name)).transpose()?;
    Ok((scale, zero_point.unwrap_or_else(|| vec![0.0])))
}

/// The least and the largest integer of the type that a QuantizeLinear gives.
fn range(node: &NodeProto, draft: &Draft) -> Result<[f32; 2], OnnxError> {
    let zero_point = optional(node, 2).and_then(|name| draft.tensor(name));
    let declared = node.int("output_dtype", 0) as i32;
    let data_type = match zero_point {
        Some(tensor) => tensor.data_type,
        None if declared != 0 => declared,
        None => DataType::Uint8 as i32,
    };
    match DataType::try_from(data_type) {
        Ok(DataType::Uint8) => Ok([0.0, 255.0]),
        Ok(DataType::Int8) => Ok([-128.0, 127.0]),
        Ok(DataType::Uint16) => Ok([0.0, 65_535.0]),
        Ok(DataType::Int16) => Ok([-32_768.0, 32_767.0]),
        _ => Err(unsupported(node, "it gives no 8-bit or 16-bit integers; quantize to these")),
    }
}

/// The one number of a list.
fn single(node: &NodeProto, values: &[f32]) -> Result<f32, OnnxError> {
    match values.split_first() {
        Some((first, rest)) if rest.iter().all(|value| value == first) => Ok(*first),
        _ => Err(unsupported(
            node,
            "a value of the picture has one scale for each channel; quantize by tensor",
        )),
    }
}

/// The axis along which a stored tensor has its scales.
struct Axes {
    /// The number of elements that stand behind one index of the axis.
    inner: usize,
    extent: usize,
}

impl Axes {
    /// The attribute `axis` of `node`, for lists of one number or one for each index.
    fn of(node: &NodeProto, tensor: &TensorProto, lists: &[&[f32]]) -> Result<Self, OnnxError> {
        Self::along(node, node.int("axis", 1), tensor, lists)
    }

    fn along(
        node: &NodeProto,
        axis: i64,
        tensor: &TensorProto,
        lists: &[&[f32]],
    ) -> Result<Self, OnnxError> {
        let dims = shape(tensor);
        if lists.iter().all(|list| list.len() == 1) {
            return Ok(Self { inner: 1, extent: 1 });
        }
        let axis = if axis < 0 { axis + dims.len() as i64 } else { axis };
        let axis = usize::try_from(axis).ok().filter(|&axis| axis < dims.len());
        let axes =
            axis.map(|axis| Self { inner: dims[axis + 1..].iter().product(), extent: dims[axis] });
        let fits = |axes: &Self| {
            axes.inner > 0 && lists.iter().all(|list| [1, axes.extent].contains(&list.len()))
        };
        axes.filter(fits).ok_or_else(|| unsupported(node, "its scales do not fit its axis"))
    }

    /// The number of `list` for the element `index`.
    fn pick(&self, list: &[f32], index: usize) -> f32 {
        match list {
            [one] => *one,
            _ => list[index / self.inner % self.extent],
        }
    }
}

fn shape(tensor: &TensorProto) -> Vec<usize> {
    tensor.dims.iter().map(|&dim| dim.max(0) as usize).collect()
}
