//! Rules of convolutions: the adjoint of a convolution is a transposed convolution.

use super::site::{Cotangent, Reason, Site};
use super::window::{Axis, axes};
use crate::onnx::pb::TensorProto;
use crate::onnx::pb::tensor_proto::DataType;
use crate::onnx::{Attribute, Attributes, Value, read_floats};

/// y = w ∗ x + b. x̄ is the transposed convolution of ȳ by w.
///
/// With stride 1 that is again a convolution, by the flipped kernel with input and output
/// channels exchanged; engines have far faster kernels for those.
pub(super) fn conv(site: &mut Site, _: usize) -> Cotangent {
    let weight_shape = site.x_shape(1)?;
    let group = group(site)?;
    let axes = axes(site, &weight_shape[2..])?;
    let flips = axes
        .iter()
        .all(|a| a.stride == 1 && a.begin < a.span() && a.input + a.span() > a.output + a.begin);
    let flipped = if flips { flipped_weight(site, group)? } else { None };
    match flipped {
        Some(weight) => Ok(flipped_conv(&site.g(), &weight, group, &axes)),
        None => Ok(transposed_conv(&site.g(), &site.x(1)?, group, &axes)),
    }
}

/// y = transposed convolution of x by w. x̄ is the convolution of ȳ by w.
pub(super) fn conv_transpose(site: &mut Site, _: usize) -> Cotangent {
    for attribute in ["output_shape", "auto_pad"] {
        let value = site.node.string(attribute).unwrap_or_default();
        if site.node.has(attribute) && !matches!(value, "NOTSET" | "VALID") {
            return Err(site.refuse(attribute, value));
        }
    }
    let weight = site.x(1)?;
    let mut axes = axes(site, &weight.shape()[2..])?;
    let mut shape = site.x_shape(0)?;
    shape[1] = site.g().shape()[1];
    // Seen from the adjoint, input and output change places.
    for axis in &mut axes {
        std::mem::swap(&mut axis.input, &mut axis.output);
        let full = (axis.input + axis.begin + axis.end - axis.span()) / axis.stride + 1;
        shape[axis.axis] = full;
    }
    let group = group(site)?;
    let mut cotangent = convolve(&site.g(), &weight, group, &axes, weight.shape()[0]);
    for axis in &axes {
        cotangent = cotangent.slice(axis.axis, 0, axis.output, 1);
    }
    Ok(cotangent)
}

fn group(site: &Site) -> Result<usize, Reason> {
    match usize::try_from(site.node.int("group", 1)) {
        Ok(group) if group > 0 => Ok(group),
        _ => Err(site.refuse("group", site.node.int("group", 1))),
    }
}

fn flipped_conv(g: &Value, weight: &Value, group: usize, axes: &[Axis]) -> Value {
    let adjoint: Vec<Axis> = axes
        .iter()
        .map(|a| {
            let begin = a.span() - 1 - a.begin;
            let end = a.input + a.span() - 1 - a.output - begin;
            Axis { input: a.output, output: a.input, begin, end, ..*a }
        })
        .collect();
    convolve(g, weight, group, &adjoint, weight.shape()[0])
}

fn convolve(x: &Value, weight: &Value, group: usize, axes: &[Axis], channels: usize) -> Value {
    let mut shape = vec![x.shape()[0], channels];
    shape.extend(axes.iter().map(|a| (a.input + a.begin + a.end - a.span()) / a.stride + 1));
    let attributes = attributes(group, axes);
    x.builder().node("Conv", &[x, weight], &attributes, x.element(), &shape)
}

fn transposed_conv(g: &Value, weight: &Value, group: usize, axes: &[Axis]) -> Value {
    let mut axes = axes.to_vec();
    let mut missing = Vec::new();
    for a in &mut axes {
        // Rows at the far end that no window reached.
        let unread = (a.input + a.begin + a.end).saturating_sub(a.covered());
        let less = unread.min(a.end);
        a.end -= less;
        missing.push((unread - less) as i64);
    }
    let mut shape = vec![g.shape()[0], weight.shape()[1] * group];
    shape.extend(axes.iter().map(|a| a.input));
    let mut attributes = attributes(group, &axes);
    if missing.iter().any(|&rows| rows > 0) {
        attributes.push(("output_padding", Attribute::Ints(missing)));
    }
    g.builder().node("ConvTranspose", &[g, weight], &attributes, g.element(), &shape)
}

fn attributes(group: usize, axes: &[Axis]) -> Vec<(&'static str, Attribute<'static>)> {
    let list = |of: fn(&Axis) -> usize| axes.iter().map(|a| of(a) as i64).collect::<Vec<i64>>();
    let pads = [list(|a| a.begin), list(|a| a.end)].concat();
    vec![
        ("dilations", Attribute::Ints(list(|a| a.dilation))),
        ("group", Attribute::Int(group as i64)),
        ("kernel_shape", Attribute::Ints(list(|a| a.kernel))),
        ("pads", Attribute::Ints(pads)),
        ("strides", Attribute::Ints(list(|a| a.stride))),
    ]
}

/// The stored weight with every kernel reversed and, within each group, input and output channels
/// exchanged; in its own element type. None where the weight is computed or in another file.
fn flipped_weight(site: &mut Site, group: usize) -> Result<Option<Value>, Reason> {
    let name = site.name(1)?;
    let Some((tensor, element)) = site.tape.stored(name) else { return Ok(None) };
    let shape = site.x_shape(1)?;
    let (outputs, inputs) = (shape[0] / group, shape[1]);
    let taps: usize = shape[2..].iter().product();
    let order = Flip { group, outputs, inputs, taps };
    let raw = &tensor.raw_data;
    let count = group * outputs * inputs * taps;
    let width = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => 4,
        Ok(DataType::Float16) => 2,
        Ok(DataType::Double) => 8,
        _ => return Ok(None),
    };
    let bytes = match width {
        2 if raw.len() == 2 * count => order.apply(raw.as_chunks::<2>().0).into_flattened(),
        4 if raw.len() == 4 * count => order.apply(raw.as_chunks::<4>().0).into_flattened(),
        8 if raw.len() == 8 * count => order.apply(raw.as_chunks::<8>().0).into_flattened(),
        4 => match read_floats(tensor) {
            Ok(values) => order.apply(&values).into_iter().flat_map(f32::to_le_bytes).collect(),
            Err(error) => return Err(Reason(error.to_string())),
        },
        _ => return Ok(None),
    };
    let dims = [&[group * inputs, outputs], &shape[2..]].concat();
    let copy = TensorProto {
        name: site.tape.builder.fresh("flipped"),
        dims: dims.into_iter().map(|dim| dim as i64).collect(),
        data_type: tensor.data_type,
        raw_data: bytes,
        ..TensorProto::default()
    };
    let stored = site.tape.builder.initializer(copy, super::forward::element_of(tensor));
    Ok(Some(stored.cast(element)))
}

/// The extents of a grouped kernel: each group has `outputs` × `inputs` kernels of `taps`.
struct Flip {
    group: usize,
    outputs: usize,
    inputs: usize,
    taps: usize,
}

impl Flip {
    fn apply<T: Copy + Default>(&self, source: &[T]) -> Vec<T> {
        let mut flipped = vec![T::default(); source.len()];
        let Self { group, outputs, inputs, taps } = *self;
        for (kernel, values) in source.chunks_exact(taps).enumerate().take(group * outputs * inputs)
        {
            let (row, input) = (kernel / inputs, kernel % inputs);
            let (group, output) = (row / outputs, row % outputs);
            let place = ((group * inputs + input) * outputs + output) * taps;
            for (to, from) in flipped[place..place + taps].iter_mut().zip(values.iter().rev()) {
                *to = *from;
            }
        }
        flipped
    }
}
