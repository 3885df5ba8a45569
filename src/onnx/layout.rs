use std::collections::{HashMap, VecDeque};

use super::operators::{LayoutEffect, operator};
use super::{Attributes, Facts, Model, Topology, pb::NodeProto};
use crate::config::Layout;

/// The meaning of each axis of a value: `axes[i]` is the index of axis `i` in N, C, H, W.
type Axes = [usize; 4];

const NCHW: Axes = [0, 1, 2, 3];
const NHWC: Axes = [0, 2, 3, 1];

/// The layout of every four-dimensional value whose layout follows from the graph.
///
/// ONNX defines convolutions, pools and batch norms on NCHW only, so their layout is known.
/// Transposes permute the axes. Other operators that keep the rank keep the layout.
#[derive(Debug, Clone, Default)]
pub struct Layouts {
    by_name: HashMap<String, Layout>,
}

impl Layouts {
    /// Infers the layouts of `model`'s values. `input` is the layout of the picture input.
    #[must_use]
    pub fn of(model: &Model, topology: &Topology, facts: &Facts, input: Layout) -> Self {
        let mut axes: HashMap<&str, Axes> = HashMap::new();
        if let Some(picture) = model.inputs().first() {
            axes.insert(&picture.name, if input == Layout::Nchw { NCHW } else { NHWC });
        }
        for &index in topology.order() {
            let node = topology.node(index);
            for output in node.output.iter().filter(|name| rank(facts, name) == 4) {
                if let Some(known) = output_axes(node, &axes, topology, facts) {
                    axes.insert(output, known);
                }
            }
        }
        let by_name = axes
            .into_iter()
            .filter_map(|(name, axes)| Some((name.to_owned(), layout(axes)?)))
            .collect();
        Self { by_name }
    }

    /// The layout of `value`, if it follows from the graph.
    #[must_use]
    pub fn get(&self, value: &str) -> Option<Layout> {
        self.by_name.get(value).copied()
    }
}

fn layout(axes: Axes) -> Option<Layout> {
    match axes {
        NCHW => Some(Layout::Nchw),
        NHWC => Some(Layout::Nhwc),
        _ => None,
    }
}

fn rank(facts: &Facts, value: &str) -> usize {
    facts.shape(value).map_or(0, <[usize]>::len)
}

fn output_axes(
    node: &NodeProto,
    axes: &HashMap<&str, Axes>,
    topology: &Topology,
    facts: &Facts,
) -> Option<Axes> {
    let source = node
        .input
        .iter()
        .find(|name| rank(facts, name) == 4 && !topology.is_constant(name))
        .and_then(|name| axes.get(name.as_str()));
    match operator(node).layout {
        LayoutEffect::Nchw => Some(NCHW),
        LayoutEffect::Permutes => permuted(source?, node.ints("perm")?),
        LayoutEffect::Reshapes => {
            let unchanged = facts.shape(node.input.first()?) == facts.shape(node.output.first()?);
            source.copied().filter(|_| unchanged)
        }
        LayoutEffect::Mixes | LayoutEffect::Keeps => source.copied(),
    }
}

fn permuted(axes: &Axes, perm: &[i64]) -> Option<Axes> {
    let mut result = NCHW;
    for (axis, &from) in result.iter_mut().zip(perm) {
        *axis = *axes.get(usize::try_from(from).ok()?)?;
    }
    Some(result)
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

/// The number of values that the search for an operator on NCHW visits.
const SEARCH_LIMIT: usize = 64;

fn axes_from_consumers(input: &str, topology: &Topology) -> Option<Axes> {
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

fn inverted(sources: Axes) -> Axes {
    let mut axes = NCHW;
    for (meaning, &axis) in sources.iter().enumerate() {
        axes[axis] = meaning;
    }
    axes
}
