//! Attention between the tokens of a picture.

use super::axes::Positions;
use super::pb::NodeProto;
use super::{Attributes, Facts, Grid, Grids, Kind, Layer, LayerNames, Model, Topology};

/// The weights with which tokens read each other: the output of a softmax over the keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// The ONNX value's name. Its shape is heads × queries × keys, with axes of one element before.
    pub value: String,
    /// The module that computes it, where the file tells it.
    pub module: Option<String>,
    /// The number of heads.
    pub heads: usize,
    /// The tokens that read.
    pub queries: Tokens,
    /// The tokens that are read.
    pub keys: Tokens,
    /// The tokens of the block that the attention is in, after its last addition.
    pub block: Option<Layer>,
}

/// Tokens in their order: those of the prefix, then height × width positions row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// The number of class, distillation and register tokens.
    pub prefix: usize,
    /// The rows of positions.
    pub height: usize,
    /// The columns of positions.
    pub width: usize,
}

impl Tokens {
    /// The number of all tokens.
    #[must_use]
    pub fn count(self) -> usize {
        self.prefix + self.height * self.width
    }
}

impl From<Positions> for Tokens {
    fn from(Positions { prefix, height, width }: Positions) -> Self {
        Self { prefix, height, width }
    }
}

impl Attention {
    /// The name by which the attention is shown.
    #[must_use]
    pub fn name(&self) -> &str {
        self.module.as_deref().unwrap_or(&self.value)
    }
}

/// Every attention of a network, as far as its tokens are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attentions {
    /// Those whose keys have places in the picture, in the order of evaluation.
    pub known: Vec<Attention>,
    /// Why the attentions do not lead from every token to every other. None where they do.
    pub refusal: Option<&'static str>,
}

const NONE: &str = "the network has no softmax over tokens that a matrix product reads";
const WINDOWS: &str = "attention is within windows or on other groups of tokens, and does not \
                       lead from every token to every other";
const BLOCKS: &str = "its blocks do not end with an addition of tokens";
const GRIDS: &str = "its attentions are between different grids of tokens";

impl Attentions {
    /// Finds every softmax over the last axis of a value of three or more dimensions that a matrix
    /// product reads.
    #[must_use]
    pub fn of(
        model: &Model,
        topology: &Topology,
        facts: &Facts,
        grids: &Grids,
        names: &LayerNames,
        layers: &[Layer],
        logits: &str,
    ) -> Self {
        let (mut known, mut others) = (Vec::new(), 0);
        for &index in topology.order() {
            let node = topology.node(index);
            if !is_attention(node, topology, facts, model.opset()) {
                continue;
            }
            match attention(&node.output[0], facts, grids, names) {
                Some(attention) => known.push(attention),
                None => others += 1,
            }
        }
        let is_between_all = |attention: &Attention| {
            let first = known.first().map(|first: &Attention| first.keys);
            attention.queries == attention.keys && Some(attention.keys) == first
        };
        let refusal = match known.len() + others {
            0 => Some(NONE),
            _ if others > 0 => Some(WINDOWS),
            _ if !known.iter().all(is_between_all) => Some(GRIDS),
            _ => None,
        };
        if refusal.is_none() {
            find_blocks(&mut known, topology, layers, logits);
        }
        Self { known, refusal }
    }

    /// Why the blocks of the attentions are not known. None where they are.
    #[must_use]
    pub fn block_refusal(&self) -> Option<&'static str> {
        let are_known = self.known.iter().all(|attention| attention.block.is_some());
        (!are_known).then_some(BLOCKS)
    }

    /// The attention called `name`, by its ONNX value or its module.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Attention> {
        self.known.iter().find(|it| it.value == name || it.module.as_deref() == Some(name))
    }
}

/// Finds the tokens of each attention's block: the last addition of the same tokens behind it that
/// the next attention reads, or the logits.
fn find_blocks(attentions: &mut [Attention], topology: &Topology, layers: &[Layer], logits: &str) {
    let ends: Vec<String> = attentions.iter().map(|attention| attention.value.clone()).collect();
    let ends = ends.iter().skip(1).map(String::as_str).chain([logits]);
    for (attention, end) in attentions.iter_mut().zip(ends) {
        let read = topology.ancestors(&[end]);
        let start = topology.producer_index(&attention.value);
        let is_end = |layer: &&Layer| {
            let producer = topology.producer_index(&layer.value);
            layer.kind == Kind::Merge
                && layer.grid == Some(attention.keys.into())
                && producer.is_some_and(|producer| read.contains(&producer))
                && start.is_some_and(|start| topology.ancestors(&[&layer.value]).contains(&start))
        };
        attention.block = layers.iter().rev().find(is_end).cloned();
    }
}

/// Whether `node` normalizes over keys, for a matrix product with the values of the tokens.
fn is_attention(node: &NodeProto, topology: &Topology, facts: &Facts, opset: i64) -> bool {
    let Some(output) = node.output.first().filter(|_| node.op_type == "Softmax") else {
        return false;
    };
    let rank = facts.shape(output).map_or(0, <[usize]>::len) as i64;
    let axis = node.int("axis", if opset < 13 { 1 } else { -1 });
    rank >= 3 && (axis == -1 || axis == rank - 1) && is_multiplied(output, topology)
}

/// Whether a matrix product reads `value`, perhaps after operators that keep its elements.
fn is_multiplied(value: &str, topology: &Topology) -> bool {
    topology.consumers(value).any(|node| match node.op_type.as_str() {
        "MatMul" | "Einsum" => true,
        "Cast" | "Dropout" | "Identity" | "Reshape" | "Transpose" | "Where" => {
            node.output.first().is_some_and(|output| is_multiplied(output, topology))
        }
        _ => false,
    })
}

/// The attention of `value`, if its queries and keys are tokens with known places. A single query
/// is a class token.
fn attention(value: &str, facts: &Facts, grids: &Grids, names: &LayerNames) -> Option<Attention> {
    let (shape, axes) = (facts.shape(value)?, grids.axes(value)?);
    let (queries, keys) = (shape.len().checked_sub(2)?, shape.len() - 1);
    let one = Positions { prefix: 1, height: 0, width: 0 };
    let of_queries = match shape[queries] {
        1 => one,
        _ => axes.positions(queries)?,
    };
    Some(Attention {
        value: value.to_owned(),
        module: names.module(value),
        heads: shape[..queries].iter().product(),
        queries: of_queries.into(),
        keys: axes.positions(keys)?.into(),
        block: None,
    })
}

impl From<Tokens> for Grid {
    fn from(Tokens { prefix, height, width }: Tokens) -> Self {
        Self::Tokens { prefix, height, width }
    }
}
