use super::operators::operator;
use super::pb::NodeProto;
use super::{Kind, Layer, Topology};

/// How many operators, back from the layer's value, are searched for the one that gives the layer
/// its type. Batch norm and activation, for instance, stand between the two.
const MAX_OPERATORS: usize = 8;

/// The layer's type in Keras' words, such as `MaxPooling2D`.
#[must_use]
pub fn layer_type(layer: &Layer, topology: Option<&Topology>) -> &'static str {
    let producer = |value: &str| topology?.producer(value);
    let before = |node: &&NodeProto| node.input.iter().find_map(|input| producer(input));
    let nodes = std::iter::successors(producer(&layer.value), before).take(MAX_OPERATORS);
    let mut known = nodes.filter_map(|node| match operator(node).keras_type {
        Some((kind, name)) if kind == layer.kind => Some(name(node, layer)),
        _ => None,
    });
    known.next().unwrap_or(match layer.kind {
        Kind::Convolution => "Conv2D",
        Kind::Pooling => "Pooling2D",
        Kind::Merge => "Merge",
        Kind::Normalization => "LayerNormalization",
        Kind::Dense => "Dense",
        Kind::Flatten => "Flatten",
        Kind::Dropout => "Dropout",
        Kind::Value => "Value",
    })
}
