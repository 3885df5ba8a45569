//! float16, bfloat16 and float64 become float32. The engine and its kernels compute in float32.

use std::collections::HashSet;

use crate::onnx::pb::tensor_proto::DataType;
use crate::onnx::pb::type_proto::Value::TensorType;
use crate::onnx::pb::{GraphProto, TensorProto, ValueInfoProto};
use crate::onnx::{Model, OnnxError, read_numbers};

/// The model in float32.
///
/// Stored float16 tensors that only casts to float32 read stay as they are. They need half the
/// memory.
pub(super) fn converted(model: Model) -> Result<Model, OnnxError> {
    let kept = only_cast(model.graph());
    let mut model = model.visit_tensors(|tensor| match kept.contains(&tensor.name) {
        true => Ok(()),
        false => convert(tensor),
    })?;
    let mut graphs: Vec<&mut GraphProto> = model.graph_mut().into_iter().collect();
    while let Some(graph) = graphs.pop() {
        let values = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        values.for_each(convert_declaration);
        for node in &mut graph.node {
            let is_cast = node.op_type == "Cast";
            for attribute in &mut node.attribute {
                let is_type = attribute.name == "dtype" || (is_cast && attribute.name == "to");
                if is_type && is_other_float(attribute.i as i32) {
                    attribute.i = DataType::Float as i64;
                }
                graphs.extend(attribute.g.iter_mut().chain(&mut attribute.graphs));
            }
        }
    }
    Ok(model)
}

/// The stored float16 tensors of which every reader is a cast.
fn only_cast(graph: &GraphProto) -> HashSet<String> {
    let is_half = |tensor: &&TensorProto| tensor.data_type == DataType::Float16 as i32;
    let halves = graph.initializer.iter().filter(is_half);
    let mut names: HashSet<String> = halves.map(|tensor| tensor.name.clone()).collect();
    for node in graph.node.iter().filter(|node| node.op_type != "Cast") {
        crate::onnx::reads(node).for_each(|name| {
            names.remove(name);
        });
    }
    names
}

/// Whether this is the number of a floating-point type other than float32.
fn is_other_float(data_type: i32) -> bool {
    let data_type = DataType::try_from(data_type);
    matches!(data_type, Ok(DataType::Float16 | DataType::Bfloat16 | DataType::Double))
}

/// Rounds the numbers of a tensor to float32. Numbers beyond its range become its largest ones, so
/// that the lowest float64, which masks use, does not become infinite.
fn convert(tensor: &mut TensorProto) -> Result<(), OnnxError> {
    if !is_other_float(tensor.data_type) {
        return Ok(());
    }
    let is_double = tensor.data_type == DataType::Double as i32;
    let limited = |value: f32| match is_double && value.is_infinite() {
        true => value.clamp(f32::MIN, f32::MAX),
        false => value,
    };
    let bytes = read_numbers(tensor)?.into_iter().flat_map(|value| limited(value).to_le_bytes());
    let (name, dims) = (std::mem::take(&mut tensor.name), std::mem::take(&mut tensor.dims));
    *tensor = TensorProto {
        name,
        dims,
        data_type: DataType::Float as i32,
        raw_data: bytes.collect(),
        ..TensorProto::default()
    };
    Ok(())
}

fn convert_declaration(value: &mut ValueInfoProto) {
    let declared = value.r#type.as_mut().and_then(|it| it.value.as_mut());
    if let Some(TensorType(tensor)) = declared
        && is_other_float(tensor.elem_type)
    {
        tensor.elem_type = DataType::Float as i32;
    }
}
