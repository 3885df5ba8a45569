//! A picture input of 8-bit integers becomes one of float32 with the same numbers. The nodes that
//! read it, a cast or a quantization, give the same results.

use crate::onnx::Model;
use crate::onnx::pb::ValueInfoProto;
use crate::onnx::pb::tensor_proto::DataType;
use crate::onnx::pb::type_proto::Value::TensorType;

impl Model {
    /// What is subtracted from a pixel of 0 to 255 for an input of 8-bit integers: 0 for unsigned
    /// ones, 128 for signed ones. None for an input of another type.
    #[must_use]
    pub fn pixel_offset(&self) -> Option<f32> {
        match self.inputs().first().and_then(|input| data_type(input))? {
            DataType::Uint8 => Some(0.0),
            DataType::Int8 => Some(128.0),
            _ => None,
        }
    }
}

/// Declares inputs of 8-bit integers as float32.
pub(super) fn convert(model: &mut Model) {
    let given: Vec<String> = model.inputs().iter().map(|input| input.name.clone()).collect();
    let Some(graph) = model.graph_mut() else { return };
    for input in graph.input.iter_mut().filter(|input| given.contains(&input.name)) {
        let is_bytes = matches!(data_type(input), Some(DataType::Uint8 | DataType::Int8));
        let declared = input.r#type.as_mut().and_then(|it| it.value.as_mut());
        if let (Some(TensorType(tensor)), true) = (declared, is_bytes) {
            tensor.elem_type = DataType::Float as i32;
        }
    }
}

/// The element type that an input declares.
fn data_type(input: &ValueInfoProto) -> Option<DataType> {
    let TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    DataType::try_from(tensor.elem_type).ok()
}
