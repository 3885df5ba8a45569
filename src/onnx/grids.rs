use std::collections::HashMap;

use super::axes::Axes;
use super::operators::{LayoutEffect, operator};
use super::position_reads::PositionReads;
use super::token_axes::{axis, joined, sliced};
use super::{Attributes, Elements, Facts, Grid, Model, Topology, pb::NodeProto};
use crate::config::Layout;

/// Where in the picture the elements of each value stand, as far as it follows from the graph.
///
/// ONNX defines convolutions, pools and batch norms on NCHW only, so their layout is known.
/// Transposes permute the axes, and reshapes divide and join them. A concatenation may put a class
/// token before the tokens. Other operators that keep the rank keep the axes.
#[derive(Debug, Clone, Default)]
pub struct Grids {
    axes: HashMap<String, Axes>,
    reads: PositionReads,
}

impl Grids {
    /// Infers the grids of `model`'s values. `input` is the layout of the picture input, `logits`
    /// the value that holds the logits.
    #[must_use]
    pub fn of(
        model: &Model,
        topology: &Topology,
        facts: &Facts,
        input: Layout,
        logits: &str,
    ) -> Self {
        let mut axes: HashMap<String, Axes> = HashMap::new();
        let picture = model.inputs().first().map(|picture| picture.name.as_str());
        if let Some(picture) = picture
            && let Some(shape) = facts.shape(picture).filter(|shape| shape.len() == 4)
        {
            axes.insert(picture.to_owned(), Axes::of(input, shape));
        }
        for &index in topology.order() {
            let node = topology.node(index);
            for output in &node.output {
                let known = facts.shape(output);
                if let Some(known) =
                    known.and_then(|to| output_axes(node, to, &axes, topology, facts))
                {
                    axes.insert(output.clone(), known);
                }
            }
        }
        let reads = PositionReads::of(topology, facts, &axes, logits);
        Self { axes, reads }
    }

    /// The grid of `value`, if it follows from the graph.
    #[must_use]
    pub fn get(&self, value: &str) -> Option<Grid> {
        self.axes.get(value)?.grid()
    }

    /// Whether the logits depend on `value` through its prefix tokens alone.
    #[must_use]
    pub fn only_prefix_is_read(&self, value: &str) -> bool {
        self.reads.only_prefix_is_read(value)
    }

    /// The axes of `value`, if they follow from the graph.
    pub(super) fn axes(&self, value: &str) -> Option<&Axes> {
        self.axes.get(value)
    }
}

/// The axes of an output of shape `to`.
fn output_axes(
    node: &NodeProto,
    to: &[usize],
    axes: &HashMap<String, Axes>,
    topology: &Topology,
    facts: &Facts,
) -> Option<Axes> {
    let effect = operator(node).layout;
    if effect == LayoutEffect::Nchw && to.len() == 4 {
        return Some(Axes::of(Layout::Nchw, to));
    }
    let known = |name: &&String| !topology.is_constant(name) && axes.contains_key(name.as_str());
    let known = || node.input.iter().filter(known);
    // An operand that is not broadcast comes first.
    let is_whole = |name: &&String| facts.shape(name) == Some(to);
    let source = known().find(is_whole).or_else(|| known().next())?;
    let (from, of) = (facts.shape(source)?, axes.get(source.as_str())?);
    match effect {
        LayoutEffect::Permutes => match node.ints("perm") {
            Some(perm) => of.permuted(perm),
            None => of.permuted(&(0..from.len() as i64).rev().collect::<Vec<_>>()),
        },
        LayoutEffect::Mixes => product_axes(node, to, axes, topology, facts),
        _ if Elements::after(node) == Elements::Kept => of.reshaped(to),
        LayoutEffect::Reshapes => None,
        _ if node.op_type == "Gather" && facts.shape(node.input.get(1)?)?.is_empty() => {
            of.without(axis(node, from.len())?)
        }
        _ if from.len() != to.len() => None,
        _ if node.op_type == "Concat" => {
            let axis = axis(node, from.len())?;
            let joined = joined(node, axis, axes, topology, facts);
            joined.or_else(|| Some(of.concatenated(from, to, axis)))
        }
        _ if node.op_type == "Slice" => Some(sliced(node, of, from, to, facts)),
        _ => Some(of.resized(from, to)),
    }
}

/// The axes of a matrix product. Stored weights mix channels, and a computed operand brings its own
/// columns.
fn product_axes(
    node: &NodeProto,
    to: &[usize],
    axes: &HashMap<String, Axes>,
    topology: &Topology,
    facts: &Facts,
) -> Option<Axes> {
    let [left, right, ..] = node.input.as_slice() else { return None };
    let of = |name: &String| {
        let is_full = facts.shape(name)?.len() == to.len();
        axes.get(name.as_str()).filter(|_| is_full)
    };
    if node.int("transA", 0) != 0 {
        return None;
    }
    if topology.is_constant(left) {
        return Some(of(right)?.mixed_rows(*to.get(to.len().checked_sub(2)?)?));
    }
    match topology.is_constant(right) {
        true => Some(of(left)?.mixed_last(*to.last()?)),
        false => Some(of(left)?.times(of(right)?)),
    }
}
