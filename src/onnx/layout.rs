use std::collections::{HashMap, VecDeque};

use super::axes::Axes;
use super::operators::{LayoutEffect, operator};
use super::{Attributes, Elements, Facts, Model, Topology, pb::NodeProto};
use crate::config::Layout;

/// The layout of every four-dimensional value whose layout follows from the graph.
///
/// ONNX defines convolutions, pools and batch norms on NCHW only, so their layout is known.
/// Transposes permute the axes, and reshapes divide and join them. Other operators that keep the
/// rank keep the layout.
#[derive(Debug, Clone, Default)]
pub struct Layouts {
    by_name: HashMap<String, Layout>,
}

impl Layouts {
    /// Infers the layouts of `model`'s values. `input` is the layout of the picture input.
    #[must_use]
    pub fn of(model: &Model, topology: &Topology, facts: &Facts, input: Layout) -> Self {
        let mut axes: HashMap<&str, Axes> = HashMap::new();
        let picture = model.inputs().first().map(|picture| picture.name.as_str());
        if let Some(picture) = picture
            && let Some(shape) = facts.shape(picture).filter(|shape| shape.len() == 4)
        {
            axes.insert(picture, Axes::of(input, shape));
        }
        for &index in topology.order() {
            let node = topology.node(index);
            for output in &node.output {
                let known = facts.shape(output);
                if let Some(known) =
                    known.and_then(|to| output_axes(node, to, &axes, topology, facts))
                {
                    axes.insert(output, known);
                }
            }
        }
        let by_name = axes
            .into_iter()
            .filter_map(|(name, axes)| Some((name.to_owned(), axes.layout()?)))
            .collect();
        Self { by_name }
    }

    /// The layout of `value`, if it follows from the graph.
    #[must_use]
    pub fn get(&self, value: &str) -> Option<Layout> {
        self.by_name.get(value).copied()
    }
}

/// The axes of an output of shape `to`.
fn output_axes(
    node: &NodeProto,
    to: &[usize],
    axes: &HashMap<&str, Axes>,
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
        _ if node.op_type == "Concat" => Some(of.concatenated(from, to, axis(node, from.len())?)),
        _ => Some(of.resized(from, to)),
    }
}

/// The axes of a matrix product. Stored weights mix channels, and a computed operand brings its own
/// columns.
fn product_axes(
    node: &NodeProto,
    to: &[usize],
    axes: &HashMap<&str, Axes>,
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

/// The attribute `axis` for a value of `rank` dimensions, counted from the front.
fn axis(node: &NodeProto, rank: usize) -> Option<usize> {
    let axis = node.int("axis", 0);
    usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()
}

/// The layout of the picture input. It follows from the first operator that ONNX defines on NCHW,
/// otherwise from the axis whose dimension is 1 or 3. `dims` are the declared dimensions; a
/// symbolic one is `None`.
#[must_use]
pub fn input_layout(input: &str, dims: [Option<usize>; 4], topology: &Topology) -> Option<Layout> {
    axes_from_consumers(input, topology).and_then(layout).or(match dims {
        [_, Some(1 | 3), _, _] => Some(Layout::Nchw),
        [_, _, _, Some(1 | 3)] => Some(Layout::Nhwc),
        _ => None,
    })
}

/// The meaning of each axis of a value: element `i` is the index of axis `i` in N, C, H, W.
type Order = [usize; 4];

const NCHW: Order = [0, 1, 2, 3];
const NHWC: Order = [0, 2, 3, 1];

fn layout(order: Order) -> Option<Layout> {
    match order {
        NCHW => Some(Layout::Nchw),
        NHWC => Some(Layout::Nhwc),
        _ => None,
    }
}

/// The number of values that the search for an operator on NCHW visits.
const SEARCH_LIMIT: usize = 64;

fn axes_from_consumers(input: &str, topology: &Topology) -> Option<Order> {
    // A value, and for each of its axes the axis of the input that it comes from.
    let mut queue = VecDeque::from([(input, NCHW)]);
    for _ in 0..SEARCH_LIMIT {
        let (value, sources) = queue.pop_front()?;
        for node in topology.consumers(value) {
            let next = match operator(node).layout {
                LayoutEffect::Nchw => return Some(inverted(sources)),
                LayoutEffect::Permutes => {
                    node.ints("perm").and_then(|perm| permuted(&sources, perm))
                }
                LayoutEffect::Reshapes | LayoutEffect::Mixes => None,
                LayoutEffect::Keeps => Some(sources),
            };
            if let (Some(next), Some(output)) = (next, node.output.first()) {
                queue.push_back((output, next));
            }
        }
    }
    None
}

fn inverted(sources: Order) -> Order {
    let mut axes = NCHW;
    for (meaning, &axis) in sources.iter().enumerate() {
        axes[axis] = meaning;
    }
    axes
}

fn permuted(order: &Order, perm: &[i64]) -> Option<Order> {
    let mut result = NCHW;
    for (axis, &from) in result.iter_mut().zip(perm) {
        *axis = *order.get(usize::try_from(from).ok()?)?;
    }
    Some(result)
}
