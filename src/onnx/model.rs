use std::collections::{HashMap, HashSet};

use prost::Message;

use super::node_metadata::node_metadata;
use super::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::{Attributes, OnnxError};

/// A decoded ONNX model. Its graph has at least one node.
#[derive(Debug, Clone)]
pub struct Model {
    proto: ModelProto,
    /// Where in the modules of PyTorch each value was computed, by the value's name.
    name_scopes: HashMap<String, String>,
}

impl Model {
    /// Decodes the bytes of an `.onnx` file.
    ///
    /// # Errors
    /// [`OnnxError::Decode`] and [`OnnxError::NoGraph`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OnnxError> {
        let proto =
            ModelProto::decode(bytes).map_err(|error| OnnxError::Decode(error.to_string()))?;
        let name_scopes = node_metadata(bytes, "pkg.torch.onnx.name_scopes");
        Ok(Self { name_scopes, ..Self::from_proto(proto)? })
    }

    /// A model of the protobuf message `proto`, whose graph must have at least one node.
    ///
    /// # Errors
    /// [`OnnxError::NoGraph`].
    pub fn from_proto(proto: ModelProto) -> Result<Self, OnnxError> {
        match &proto.graph {
            Some(graph) if !graph.node.is_empty() => {
                Ok(Self { proto, name_scopes: HashMap::new() })
            }
            _ => Err(OnnxError::NoGraph),
        }
    }

    /// The bytes of an `.onnx` file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.proto.encode_to_vec()
    }

    /// How many bytes [`encode`](Self::encode) writes.
    #[must_use]
    pub fn encoded_bytes(&self) -> u64 {
        self.proto.encoded_len() as u64
    }

    /// The metadata `pkg.torch.onnx.name_scopes` of the node that computes each value. Only
    /// [`decode`](Self::decode) reads it.
    pub(super) fn name_scopes(&self) -> &HashMap<String, String> {
        &self.name_scopes
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

    pub(super) fn graph_mut(&mut self) -> Option<&mut GraphProto> {
        self.proto.graph.as_mut()
    }

    /// The stored tensors with their names: initializers and the values of `Constant` nodes.
    pub fn stored_tensors(&self) -> impl Iterator<Item = (&str, &TensorProto)> {
        let stored = self.graph().initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
        let constants = self.graph().node.iter().filter(|node| node.op_type == "Constant");
        let given = constants
            .filter_map(|node| Some((node.output.first()?.as_str(), node.tensor("value")?)));
        stored.chain(given)
    }

    /// Copies of the stored tensors called `names`, by name.
    #[must_use]
    pub fn tensors(&self, names: &HashSet<String>) -> HashMap<String, TensorProto> {
        let wanted = self.stored_tensors().filter(|(name, _)| names.contains(*name));
        wanted.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect()
    }

    pub(super) fn map_initializers(
        mut self,
        change: impl FnMut(TensorProto) -> TensorProto,
    ) -> Self {
        if let Some(graph) = &mut self.proto.graph {
            let initializers = std::mem::take(&mut graph.initializer);
            graph.initializer = initializers.into_iter().map(change).collect();
        }
        self
    }

    /// The same model with every node of the main graph changed.
    #[must_use]
    pub fn map_nodes(mut self, change: impl FnMut(NodeProto) -> NodeProto) -> Self {
        if let Some(graph) = &mut self.proto.graph {
            let nodes = std::mem::take(&mut graph.node);
            graph.node = nodes.into_iter().map(change).collect();
        }
        self
    }

    /// The same model with further inputs after the existing ones.
    #[must_use]
    pub fn with_inputs(mut self, inputs: Vec<ValueInfoProto>) -> Self {
        self.proto.graph.get_or_insert_default().input.extend(inputs);
        self
    }

    /// The same model with further initializers.
    #[must_use]
    pub fn with_initializers(mut self, tensors: Vec<TensorProto>) -> Self {
        self.proto.graph.get_or_insert_default().initializer.extend(tensors);
        self
    }

    /// Whether the graph rounds values, as quantized models do.
    #[must_use]
    pub fn rounds(&self) -> bool {
        self.graph().node.iter().any(|node| node.op_type == "Round")
    }

    /// The model's metadata `key`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let entry = self.proto.metadata_props.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
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
