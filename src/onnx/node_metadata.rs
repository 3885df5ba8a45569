//! The `metadata_props` of nodes. The generated structs of the ONNX format do not have this field.

use std::collections::HashMap;

use prost::Message;

use super::pb::StringStringEntryProto;

/// The parts of `ModelProto` that are read. Every other field is skipped.
#[derive(Clone, PartialEq, Message)]
struct ModelMetadata {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct GraphMetadata {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeMetadata {
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(message, repeated, tag = "9")]
    metadata_props: Vec<StringStringEntryProto>,
}

/// The metadata `key` of each node that has it, by the node's first output. `bytes` are an `.onnx`
/// file. A file that cannot be decoded has no metadata.
pub(super) fn node_metadata(bytes: &[u8], key: &str) -> HashMap<String, String> {
    let nodes = ModelMetadata::decode(bytes).ok().and_then(|model| model.graph);
    let nodes = nodes.into_iter().flat_map(|graph| graph.node);
    let entry = |node: NodeMetadata| {
        let output = node.output.into_iter().next()?;
        let found = node.metadata_props.into_iter().find(|entry| entry.key == key)?;
        Some((output, found.value))
    };
    nodes.filter_map(entry).collect()
}
