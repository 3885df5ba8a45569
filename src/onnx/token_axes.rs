//! Tokens that are joined with others and cut out again.

use std::collections::HashMap;

use super::axes::{Axes, Positions};
use super::pb::NodeProto;
use super::{Attributes, Facts, Topology};

/// The axes of a concatenation of prefix tokens and the tokens of a grid along `axis`. None for
/// any other concatenation.
pub(super) fn joined(
    node: &NodeProto,
    axis: usize,
    axes: &HashMap<String, Axes>,
    topology: &Topology,
    facts: &Facts,
) -> Option<Axes> {
    let mut prefix = 0;
    let mut found: Option<(&Axes, Positions)> = None;
    for input in &node.input {
        let extent = *facts.shape(input)?.get(axis)?;
        let known = axes.get(input.as_str()).filter(|_| !topology.is_constant(input));
        match known.and_then(|axes| Some((axes, axes.positions(axis)?))) {
            Some((axes, positions)) if found.is_none() => {
                let prefix = prefix + positions.prefix;
                found = Some((axes, Positions { prefix, ..positions }));
            }
            None if found.is_none() && is_prefix(input, known, axis, extent, topology) => {
                prefix += extent;
            }
            _ => return None,
        }
    }
    let (axes, positions) = found?;
    Some(axes.with_tokens(axis, positions.tokens(), Some(positions)))
}

/// Whether `extent` tokens of `value` have no place in the picture.
fn is_prefix(
    value: &str,
    known: Option<&Axes>,
    axis: usize,
    extent: usize,
    topology: &Topology,
) -> bool {
    // A stored class token that is expanded to a batch of unknown size depends on the picture's
    // shape alone.
    let is_expanded = topology.producer(value).is_some_and(|node| {
        node.op_type == "Expand"
            && node.input.first().is_some_and(|stored| topology.is_constant(stored))
    });
    extent == 1
        || is_expanded
        || topology.is_constant(value)
        || known.is_some_and(|axes| axes.lacks_positions(axis))
}

/// The axes of a slice. Tokens from the prefix on, to the end, keep their places.
pub(super) fn sliced(
    node: &NodeProto,
    of: &Axes,
    from: &[usize],
    to: &[usize],
    facts: &Facts,
) -> Axes {
    let mut result = of.resized(from, to);
    for (axis, positions) in of.token_axes() {
        let (whole, extent) = (from[axis], to[axis]);
        if whole == extent {
            continue;
        }
        let kept = start_of_rest(node, axis, from, facts)
            .filter(|&start| start + extent == whole && start <= positions.prefix)
            .map(|start| Positions { prefix: positions.prefix - start, ..positions });
        result = result.with_tokens(axis, extent, kept);
    }
    result
}

/// Where a slice along `axis` starts, if it takes every element from there on.
pub(super) fn start_of_rest(
    node: &NodeProto,
    axis: usize,
    shape: &[usize],
    facts: &Facts,
) -> Option<usize> {
    let list = |attribute: &str, input: usize| {
        let attribute = node.ints(attribute);
        attribute.or_else(|| facts.ints(node.input.get(input)?))
    };
    let starts = list("starts", 1)?;
    let place = match list("axes", 3) {
        Some(axes) => axes.iter().position(|&given| {
            let front = if given < 0 { given + shape.len() as i64 } else { given };
            front == axis as i64
        })?,
        None => axis,
    };
    if list("steps", 4).is_some_and(|steps| steps.get(place) != Some(&1)) {
        return None;
    }
    let start = *starts.get(place)?;
    let whole = shape[axis] as i64;
    let start = if start < 0 { start + whole } else { start };
    usize::try_from(start.clamp(0, whole)).ok()
}

/// The attribute `axis` for a value of `rank` dimensions, counted from the front.
pub(super) fn axis(node: &NodeProto, rank: usize) -> Option<usize> {
    let axis = node.int("axis", 0);
    usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()
}
