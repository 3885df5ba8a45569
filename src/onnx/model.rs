use std::collections::{HashMap, HashSet};

use prost::Message;

use super::OnnxError;
use super::pb::{GraphProto, ModelProto, TensorProto, ValueInfoProto};

/// A decoded ONNX model that is known to hold a graph.
#[derive(Debug, Clone)]
pub struct Model {
    proto: ModelProto,
}

impl Model {
    /// Decodes the bytes of an `.onnx` file.
    ///
    /// # Errors
    /// [`OnnxError::Decode`] and [`OnnxError::NoGraph`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OnnxError> {
        let proto =
            ModelProto::decode(bytes).map_err(|error| OnnxError::Decode(error.to_string()))?;
        Self::from_proto(proto)
    }

    /// Takes a protobuf message that must hold a graph.
    ///
    /// # Errors
    /// [`OnnxError::NoGraph`].
    pub fn from_proto(proto: ModelProto) -> Result<Self, OnnxError> {
        match &proto.graph {
            Some(graph) if !graph.node.is_empty() => Ok(Self { proto }),
            _ => Err(OnnxError::NoGraph),
        }
    }

    /// The bytes of an `.onnx` file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.proto.encode_to_vec()
    }

    /// The protobuf message, for the engine.
    #[must_use]
    pub fn proto(&self) -> &ModelProto {
        &self.proto
    }

    /// The main graph.
    #[must_use]
    pub fn graph(&self) -> &GraphProto {
        static EMPTY: std::sync::LazyLock<GraphProto> = std::sync::LazyLock::new(Default::default);
        self.proto.graph.as_ref().unwrap_or(&EMPTY)
    }

    /// The stored tensors by name: initializers, and those of `Constant` nodes, under the names of the values they are.
    #[must_use]
    pub fn into_tensors(self) -> HashMap<String, TensorProto> {
        let graph = self.proto.graph.unwrap_or_default();
        let named = |tensor: TensorProto| (tensor.name.clone(), tensor);
        let constants = graph.node.into_iter().filter(|node| node.op_type == "Constant");
        let given = constants.filter_map(|node| {
            let name = node.output.into_iter().next()?;
            let value = node.attribute.into_iter().find(|attribute| attribute.name == "value")?;
            Some((name.clone(), TensorProto { name, ..value.t? }))
        });
        given.chain(graph.initializer.into_iter().map(named)).collect()
    }

    /// The same model with further initializers.
    #[must_use]
    pub fn with_initializers(mut self, tensors: Vec<TensorProto>) -> Self {
        self.proto.graph.get_or_insert_default().initializer.extend(tensors);
        self
    }

    /// Version of the default operator set.
    #[must_use]
    pub fn opset(&self) -> i64 {
        self.proto
            .opset_import
            .iter()
            .find(|import| import.domain.is_empty() || import.domain == "ai.onnx")
            .map_or(1, |import| import.version)
    }

    /// The graph's inputs that a caller must give: those without an initializer.
    #[must_use]
    pub fn inputs(&self) -> Vec<&ValueInfoProto> {
        let given: HashSet<&str> =
            self.graph().initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        self.graph().input.iter().filter(|input| !given.contains(input.name.as_str())).collect()
    }

    /// The graph's outputs.
    #[must_use]
    pub fn outputs(&self) -> &[ValueInfoProto] {
        &self.graph().output
    }
}
