use std::collections::HashMap;

use crate::onnx::pb::tensor_proto::{DataLocation, DataType};
use crate::onnx::pb::{NodeProto, TensorProto};
use crate::onnx::{Constant, Element, Facts, Model, OnnxError, Topology, read_floats, read_ints};

/// The graph that is differentiated, with its inferred shapes and stored tensors.
#[derive(Debug)]
pub(super) struct ForwardGraph<'m> {
    pub(super) topology: Topology<'m>,
    pub(super) opset: i64,
    facts: &'m Facts,
    tensors: HashMap<&'m str, &'m TensorProto>,
    inputs: Vec<&'m str>,
}

impl<'m> ForwardGraph<'m> {
    pub(super) fn of(model: &'m Model, facts: &'m Facts) -> Result<Self, OnnxError> {
        Ok(Self {
            topology: Topology::of(model)?,
            opset: model.opset(),
            facts,
            tensors: model.stored_tensors().collect(),
            inputs: model.inputs().iter().map(|input| input.name.as_str()).collect(),
        })
    }

    /// Whether `value` is the output of a node or a graph input.
    pub(super) fn computes(&self, value: &str) -> bool {
        self.topology.producer(value).is_some() || self.inputs.contains(&value)
    }

    pub(super) fn shape(&self, value: &str) -> Option<Vec<usize>> {
        if let Some(tensor) = self.tensors.get(value) {
            return tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        }
        self.facts.shape(value).map(<[usize]>::to_vec)
    }

    pub(super) fn element(&self, value: &str) -> Option<Element> {
        if let Some(tensor) = self.tensors.get(value) {
            return Some(element_of(tensor));
        }
        self.facts.get(value).map(|fact| fact.element)
    }

    /// Whether gradients flow through `value`. A value of unknown type counts as a float, so that
    /// an error names it and it is not skipped silently.
    pub(super) fn is_float(&self, value: &str) -> bool {
        !matches!(self.element(value), Some(Element::Int | Element::Bool | Element::Other))
    }

    /// The tensor that is stored under `value`.
    pub(super) fn tensor(&self, value: &str) -> Option<&'m TensorProto> {
        self.tensors.get(value).copied()
    }

    /// The numbers of `value`, if shape inference found them to be constant.
    pub(super) fn inferred_constant(&self, value: &str) -> Option<&'m Constant> {
        self.facts.get(value)?.constant.as_ref()
    }

    /// The integers of `value`, if they are the same for every picture.
    pub(super) fn ints(&self, value: &str) -> Option<Vec<i64>> {
        let inferred = self.facts.ints(value).map(<[i64]>::to_vec);
        inferred.or_else(|| read_ints(self.tensor(value)?).ok())
    }

    /// The floats of `value`, if they are the same for every picture.
    pub(super) fn floats(&self, value: &str) -> Option<Vec<f32>> {
        let inferred = self.facts.floats(value).map(<[f32]>::to_vec);
        inferred.or_else(|| read_floats(self.tensor(value)?).ok())
    }
}

/// The node's name, or the name of its first output if the node has none.
pub(super) fn label(node: &NodeProto) -> &str {
    let output = node.output.iter().find(|name| !name.is_empty());
    if node.name.is_empty() { output.map_or("", String::as_str) } else { &node.name }
}

/// The element type of a stored tensor.
pub(super) fn element_of(tensor: &TensorProto) -> Element {
    match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => Element::F32,
        Ok(DataType::Float16) => Element::F16,
        Ok(DataType::Double) => Element::F64,
        Ok(DataType::Bool) => Element::Bool,
        Ok(
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Uint8
            | DataType::Uint16
            | DataType::Uint32
            | DataType::Uint64,
        ) => Element::Int,
        _ => Element::Other,
    }
}

/// Whether the tensor's numbers are in an external file.
pub(super) fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}
