//! The table of operators for `listing`, `layout`, `layer_type` and `head`.
//!
//! The table of gradient rules is in `gradient`. An operator without a row here keeps the layout of
//! its input and belongs to the layer before it.

use super::pb::NodeProto;
use super::{Attributes, Facts, Kind, Layer, Topology};

/// One operator's row.
#[derive(Clone, Copy)]
pub(super) struct OperatorTraits {
    name: &'static str,
    /// What the operator does to the layout of a four-dimensional value.
    pub(super) layout: LayoutEffect,
    /// Whether the output starts a layer of its own even if the node reads only one layer.
    pub(super) starts_layer: StartsLayer,
    /// The kind of the layer that the operator starts. `None` for a layer that is not listed.
    pub(super) kind: fn(&NodeProto, &Topology, &Facts) -> Option<Kind>,
    /// The kind of a layer that this operator makes, and Keras' type of such a layer. `None` if the
    /// type follows from the kind alone.
    pub(super) keras_type: Option<(Kind, KerasType)>,
    elements: Elements,
    /// Whether a stored input is a setting (a bound, a shape), not a weight.
    pub(super) stores_settings: bool,
}

/// Keras' name of a type, such as `MaxPooling2D`.
type KerasType = fn(&NodeProto, &Layer) -> &'static str;

/// What an operator does to the layout of a four-dimensional value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LayoutEffect {
    /// ONNX defines the operator on batch × channels × height × width.
    Nchw,
    /// It permutes the axes.
    Permutes,
    /// It changes the shape.
    Reshapes,
    /// It mixes elements along an axis. The axes keep their meaning.
    Mixes,
    /// The axes stay the same.
    Keeps,
}

/// Whether an operator's output starts a layer of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartsLayer {
    Always,
    /// Only if no input is a constant. A bias belongs to the layer before it; the addition of a
    /// residual starts a layer.
    WithoutConstants,
    Never,
}

/// What an operator does to the elements of its first input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elements {
    /// The output has the same elements in the same order, perhaps in another shape or type.
    Kept,
    /// The output has the same elements in another order.
    Permuted,
    /// The output has other elements.
    Changed,
}

impl Elements {
    /// What `node` does to the elements of its first input.
    #[must_use]
    pub fn after(node: &NodeProto) -> Self {
        operator(node).elements
    }
}

impl OperatorTraits {
    /// Whether the operator only rearranges a value or changes its type, and starts no layer.
    pub(super) fn only_rearranges(&self) -> bool {
        self.elements != Elements::Changed && self.starts_layer == StartsLayer::Never
    }

    const fn new(name: &'static str) -> Self {
        Self {
            name,
            layout: LayoutEffect::Keeps,
            starts_layer: StartsLayer::Never,
            kind: |_, _, _| None,
            keras_type: None,
            elements: Elements::Changed,
            stores_settings: false,
        }
    }

    const fn layout(mut self, effect: LayoutEffect) -> Self {
        self.layout = effect;
        self
    }

    /// The operator starts a layer, which is listed if `kind` gives a kind.
    const fn layer(mut self, kind: fn(&NodeProto, &Topology, &Facts) -> Option<Kind>) -> Self {
        self.starts_layer = StartsLayer::Always;
        self.kind = kind;
        self
    }

    /// Keras' type of a layer of this kind.
    const fn keras(mut self, kind: Kind, name: KerasType) -> Self {
        self.keras_type = Some((kind, name));
        self
    }

    const fn unlisted_layer(self) -> Self {
        self.layer(|_, _, _| None)
    }

    const fn starts(mut self, starts_layer: StartsLayer) -> Self {
        self.starts_layer = starts_layer;
        self
    }

    const fn elements(mut self, elements: Elements) -> Self {
        self.elements = elements;
        self
    }

    const fn settings(mut self) -> Self {
        self.stores_settings = true;
        self
    }
}

/// The row of `node`'s operator.
pub(super) fn operator(node: &NodeProto) -> &'static OperatorTraits {
    const OTHER: &OperatorTraits = &OperatorTraits::new("");
    let index = OPERATORS.binary_search_by(|row| row.name.cmp(&node.op_type));
    index.map_or(OTHER, |index| &OPERATORS[index])
}

use Elements::{Kept, Permuted};
use LayoutEffect::{Mixes, Nchw, Permutes, Reshapes};
use OperatorTraits as Op;

/// Sorted by name.
#[rustfmt::skip]
const OPERATORS: &[OperatorTraits] = &[
    Op::new("Add").layer(merge).starts(StartsLayer::WithoutConstants).keras(Kind::Merge, |_, _| "Add"),
    Op::new("AveragePool").layout(Nchw).layer(pooling).keras(Kind::Pooling, |_, _| "AveragePooling2D"),
    Op::new("BatchNormalization").layout(Nchw),
    Op::new("Cast").elements(Kept),
    Op::new("Clip").settings(),
    Op::new("Concat").layer(merge).keras(Kind::Merge, |_, _| "Concatenate"),
    Op::new("Conv").layout(Nchw).layer(convolution).keras(Kind::Convolution, keras_convolution),
    Op::new("ConvInteger").layout(Nchw),
    Op::new("ConvTranspose").layout(Nchw).layer(convolution).keras(Kind::Convolution, |_, _| "Conv2DTranspose"),
    Op::new("DepthToSpace").layout(Nchw).unlisted_layer(),
    Op::new("Dropout").layer(dropout).elements(Kept).settings(),
    Op::new("Einsum").layout(Reshapes).layer(product),
    Op::new("Flatten").layout(Reshapes).layer(flatten).elements(Kept),
    Op::new("Gather").unlisted_layer(),
    Op::new("Gemm").layout(Mixes).layer(dense),
    Op::new("GlobalAveragePool").layout(Nchw).layer(pooling).keras(Kind::Pooling, |_, _| "GlobalAveragePooling2D"),
    Op::new("GlobalMaxPool").layout(Nchw).layer(pooling).keras(Kind::Pooling, |_, _| "GlobalMaxPooling2D"),
    Op::new("GroupNormalization").layout(Nchw),
    Op::new("Identity").layer(dropout).elements(Kept),
    Op::new("InstanceNormalization").layout(Nchw),
    Op::new("LRN").layout(Nchw),
    Op::new("LayerNormalization").layer(normalization).keras(Kind::Normalization, |_, _| "LayerNormalization"),
    Op::new("LpPool").layout(Nchw).layer(pooling),
    Op::new("MatMul").layout(Mixes).layer(product),
    Op::new("MaxPool").layout(Nchw).layer(pooling).keras(Kind::Pooling, |_, _| "MaxPooling2D"),
    Op::new("Mul").layer(merge).starts(StartsLayer::Never).keras(Kind::Merge, |_, _| "Multiply"),
    Op::new("Pad").unlisted_layer().settings(),
    Op::new("Pow").settings(),
    Op::new("QLinearConv").layout(Nchw),
    Op::new("ReduceMax").layer(global_reduction).keras(Kind::Pooling, |_, _| "GlobalMaxPooling2D"),
    Op::new("ReduceMean").layer(global_reduction).keras(Kind::Pooling, |_, _| "GlobalAveragePooling2D"),
    Op::new("Reshape").layout(Reshapes).layer(reshape).elements(Kept).settings(),
    Op::new("Resize").unlisted_layer().settings(),
    Op::new("Shape").layout(Reshapes),
    Op::new("Slice").unlisted_layer().settings(),
    Op::new("SpaceToDepth").layout(Nchw).unlisted_layer(),
    Op::new("Split").unlisted_layer(),
    Op::new("Squeeze").elements(Kept),
    Op::new("Sub").keras(Kind::Merge, |_, _| "Subtract"),
    Op::new("Sum").layer(merge).starts(StartsLayer::WithoutConstants).keras(Kind::Merge, |_, _| "Add"),
    Op::new("Transpose").layout(Permutes).elements(Permuted),
    Op::new("Unsqueeze").elements(Kept),
    Op::new("Upsample").unlisted_layer().settings(),
];

fn convolution(_: &NodeProto, _: &Topology, _: &Facts) -> Option<Kind> {
    Some(Kind::Convolution)
}

fn pooling(_: &NodeProto, _: &Topology, _: &Facts) -> Option<Kind> {
    Some(Kind::Pooling)
}

fn dense(_: &NodeProto, _: &Topology, _: &Facts) -> Option<Kind> {
    Some(Kind::Dense)
}

fn normalization(_: &NodeProto, _: &Topology, _: &Facts) -> Option<Kind> {
    Some(Kind::Normalization)
}

fn flatten(_: &NodeProto, _: &Topology, _: &Facts) -> Option<Kind> {
    Some(Kind::Flatten)
}

fn dropout(_: &NodeProto, _: &Topology, _: &Facts) -> Option<Kind> {
    Some(Kind::Dropout)
}

/// A reduction over all positions of a four-dimensional value is a global pool.
fn global_reduction(node: &NodeProto, _: &Topology, facts: &Facts) -> Option<Kind> {
    let output = facts.shape(node.output.first()?)?;
    let is_vector = output.iter().filter(|&&dim| dim > 1).count() <= 1;
    let is_global = ranks(node, facts).0 == Some(4) && output.len() != 3 && is_vector;
    is_global.then_some(Kind::Pooling)
}

/// A matrix product with a stored matrix is a dense layer.
fn product(node: &NodeProto, topology: &Topology, _: &Facts) -> Option<Kind> {
    node.input.iter().any(|name| topology.is_constant(name)).then_some(Kind::Dense)
}

/// A reshape from four dimensions to two is a flatten layer.
fn reshape(node: &NodeProto, _: &Topology, facts: &Facts) -> Option<Kind> {
    (ranks(node, facts) == (Some(4), Some(2))).then_some(Kind::Flatten)
}

/// Branches are merged if the result is a feature map or a list of tokens.
fn merge(node: &NodeProto, _: &Topology, facts: &Facts) -> Option<Kind> {
    matches!(ranks(node, facts).1, Some(3 | 4)).then_some(Kind::Merge)
}

/// A convolution in as many groups as it has channels is depthwise.
fn keras_convolution(node: &NodeProto, layer: &Layer) -> &'static str {
    let group = node.int("group", 1);
    let channels = layer.extents().map(|[channels, ..]| channels as i64);
    if group > 1 && Some(group) == channels { "DepthwiseConv2D" } else { "Conv2D" }
}

/// The number of dimensions of the first input and the first output.
fn ranks(node: &NodeProto, facts: &Facts) -> (Option<usize>, Option<usize>) {
    let rank = |name: Option<&String>| name.and_then(|name| facts.shape(name)).map(<[usize]>::len);
    (rank(node.input.first()), rank(node.output.first()))
}

#[cfg(test)]
mod tests {
    use super::OPERATORS;

    #[test]
    fn rows_are_sorted_for_the_binary_search() {
        assert!(OPERATORS.is_sorted_by(|a, b| a.name < b.name));
    }
}
