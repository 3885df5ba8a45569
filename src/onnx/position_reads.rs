//! Which values the logits read at the positions of the picture, and which only at prefix tokens.

use std::collections::{HashMap, HashSet};

use super::axes::Axes;
use super::operators::{LayoutEffect, operator};
use super::pb::NodeProto;
use super::token_axes::{axis, start_of_rest};
use super::{Facts, Topology};

/// The values that the logits read only at prefix tokens.
///
/// A classifier with a class token reads that token alone at its end. Behind the last attention
/// each token depends on itself alone, so there the gradient at the patches is zero.
#[derive(Debug, Clone, Default)]
pub(super) struct PositionReads {
    only_prefix: HashSet<String>,
}

impl PositionReads {
    /// Walks back from `logits`. A node that carries each token along reads what is read of its
    /// output; any other node reads all tokens.
    pub(super) fn of(
        topology: &Topology,
        facts: &Facts,
        axes: &HashMap<String, Axes>,
        logits: &str,
    ) -> Self {
        // Whether positions are read, of each value on which the logits depend.
        let mut read: HashMap<&str, bool> = HashMap::from([(logits, true)]);
        for &index in topology.order().iter().rev() {
            let node = topology.node(index);
            let outputs = node.output.iter();
            let live: Vec<(&String, bool)> =
                outputs.filter_map(|output| Some((output, *read.get(output.as_str())?))).collect();
            for (argument, input) in node.input.iter().enumerate() {
                if topology.is_constant(input) {
                    continue;
                }
                for &(output, is_read) in &live {
                    let tokens = Tokens { node, argument, output, axes, facts };
                    let is_read = tokens.are_read(is_read);
                    *read.entry(input).or_insert(false) |= is_read;
                }
            }
        }
        let only_prefix = read.into_iter().filter(|(_, is_read)| !is_read);
        Self { only_prefix: only_prefix.map(|(value, _)| value.to_owned()).collect() }
    }

    pub(super) fn only_prefix_is_read(&self, value: &str) -> bool {
        self.only_prefix.contains(value)
    }
}

/// An input of a node, and an output that the logits depend on.
struct Tokens<'a> {
    node: &'a NodeProto,
    argument: usize,
    output: &'a str,
    axes: &'a HashMap<String, Axes>,
    facts: &'a Facts,
}

impl Tokens<'_> {
    /// Whether the input's positions are read. `of_output` says whether the output's are.
    fn are_read(&self, of_output: bool) -> bool {
        let input = &self.node.input[self.argument];
        let (Some(of), Some(shape)) = (self.axes.get(input), self.facts.shape(input)) else {
            return true;
        };
        let Some((index, positions)) = of.token_axes().next() else { return true };
        let to = self.axes.get(self.output);
        let is_carried = to.is_some_and(|to| to.token_axes().next().is_some());
        let inherited = of_output || !is_carried;
        match self.node.op_type.as_str() {
            "Gather" if axis(self.node, shape.len()) == Some(index) => {
                let indices = self.node.input.get(1).and_then(|name| self.facts.ints(name));
                indices.is_none_or(|indices| {
                    let is_prefix = |&index: &i64| (0..positions.prefix as i64).contains(&index);
                    !indices.iter().all(is_prefix)
                })
            }
            "Slice" if !is_carried => {
                let extent = self.facts.shape(self.output).and_then(|to| to.get(index));
                let start = start_of_rest(self.node, index, shape, self.facts);
                let end = start.zip(extent).map(|(start, extent)| start + extent);
                end.is_none_or(|end| end > positions.prefix)
            }
            _ if operator(self.node).layout == LayoutEffect::Mixes => {
                let rows = shape.len().checked_sub(2);
                let has_rows = rows.is_some_and(|rows| of.positions(rows).is_some());
                match self.argument {
                    0 => inherited || !has_rows,
                    // The columns of a right operand are carried along unless the left operand has
                    // tokens too: then they are the keys of an attention.
                    _ => inherited || has_rows || self.left_has_tokens(),
                }
            }
            _ => inherited,
        }
    }

    fn left_has_tokens(&self) -> bool {
        let left = self.node.input.first().and_then(|left| self.axes.get(left));
        left.is_none_or(|left| left.token_axes().next().is_some())
    }
}
