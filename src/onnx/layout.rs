//! The layout of the picture input.

use std::collections::VecDeque;

use super::operators::{LayoutEffect, operator};
use super::{Attributes, Topology};
use crate::config::Layout;

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
