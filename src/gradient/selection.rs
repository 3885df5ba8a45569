//! Rules of operators that pick elements or add elements around them.

use super::error::RuleError;
use super::linear::Matrix;
use super::node_context::{Cotangent, NodeContext, from_front};
use super::scattering;
use super::window::{LONGEST_STRIDE, overlap_add};
use crate::onnx::{Attributes, Value};

/// y = x\[start : end : step\] along some axes. x̄ = ȳ among zeros.
pub(super) fn slice(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let shape = ctx.x_shape(0)?;
    let missing = || RuleError("its bounds are missing".to_owned());
    let starts = ctx.ints_or_input("starts", 1)?.ok_or_else(missing)?;
    let ends = ctx.ints_or_input("ends", 2)?.ok_or_else(missing)?;
    let axes = ctx.ints_or_input("axes", 3)?;
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = ctx.ints_or_input("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if axes.len() != starts.len() || ends.len() != starts.len() || steps.len() != starts.len() {
        return Err(ctx.refuse("starts", starts));
    }
    let mut cotangent = ctx.g();
    for (index, &axis) in axes.iter().enumerate() {
        let axis = from_front(axis, shape.len())?;
        let first = first_element(starts[index], shape[axis] as i64, steps[index]);
        cotangent = slice_adjoint(&cotangent, axis, shape[axis], first, steps[index])?;
    }
    Ok(cotangent)
}

/// The first element of a slice, clamped as in the ONNX specification.
fn first_element(start: i64, extent: i64, step: i64) -> i64 {
    let start = if start < 0 { start.saturating_add(extent) } else { start };
    start.clamp(0, if step > 0 { extent } else { (extent - 1).max(0) })
}

/// The adjoint of a slice along one axis of `extent` elements: `g` among zeros.
fn slice_adjoint(g: &Value, axis: usize, extent: usize, first: i64, step: i64) -> Cotangent {
    let count = g.shape()[axis];
    let start = first as usize;
    let last = step.checked_mul(count as i64 - 1).and_then(|span| first.checked_add(span));
    if count > 0 && !last.is_some_and(|last| (0..extent as i64).contains(&last)) {
        let steps = format!("{count} elements from {first} by {step}");
        return Err(RuleError(format!("{steps} do not lie within an axis of {extent}")));
    }
    if count == 0 || step < 0 {
        let index = |i: usize| usize::try_from(first + step * i as i64).ok();
        let picks: Vec<Option<usize>> = (0..count).map(index).collect();
        return Ok(Matrix::picking(&picks, extent)?.adjoint(g, axis));
    }
    if step == 1 || count == 1 {
        return Ok(g.pad(axis, start, extent - start - count));
    }
    let stride = step as usize;
    if stride > LONGEST_STRIDE {
        return Err(RuleError(format!("its step {step} is longer than {LONGEST_STRIDE}")));
    }
    let placed = overlap_add(std::slice::from_ref(g), axis, stride, 1, extent - start);
    Ok(placed.pad(axis, start, 0))
}

/// y = x with elements added around it. x̄ = the middle of ȳ. With `reflect`, `edge` and `wrap` the
/// cotangents of the added elements are added to those of the elements that they copy.
pub(super) fn pad(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let shape = ctx.x_shape(0)?;
    let pads = ctx.ints_or_input("pads", 1)?;
    let pads = pads.ok_or_else(|| RuleError("its pads are missing".to_owned()))?;
    let axes = match ctx.optional_input(3) {
        Some(_) => ctx.ints(3)?,
        None => (0..shape.len() as i64).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(ctx.refuse("pads", pads));
    }
    let mode = ctx.node.string("mode").unwrap_or("constant").to_owned();
    let mut cotangent = ctx.g();
    for (index, &axis) in axes.iter().enumerate() {
        let axis = from_front(axis, shape.len())?;
        let (before, after) = (pads[index], pads[index + axes.len()]);
        let extent = shape[axis] as i64;
        let padded = before.checked_add(after).and_then(|pads| pads.checked_add(extent));
        if padded != Some(cotangent.shape()[axis] as i64) {
            return Err(ctx.refuse("pads", pads));
        }
        cotangent = match mode.as_str() {
            _ if before == 0 && after == 0 => cotangent,
            "constant" => pad_adjoint(&cotangent, axis, before, after),
            "reflect" | "edge" | "wrap" if before >= 0 && after >= 0 => {
                let source = |at: i64| usize::try_from(padding_source(&mode, at, extent)).ok();
                let picks: Vec<Option<usize>> = (-before..extent + after).map(source).collect();
                Matrix::picking(&picks, shape[axis])?.adjoint(&cotangent, axis)
            }
            _ => return Err(ctx.refuse("mode", mode)),
        };
    }
    Ok(cotangent)
}

/// The element of an axis of `extent` that is at position `at` of the padded axis. Position 0 is
/// the first element; the padding before it has negative positions.
fn padding_source(mode: &str, at: i64, extent: i64) -> i64 {
    match mode {
        "edge" => at.clamp(0, extent - 1),
        "wrap" => at.rem_euclid(extent),
        _ if extent == 1 => 0,
        _ => {
            let period = 2 * (extent - 1);
            let phase = at.rem_euclid(period);
            phase.min(period - phase)
        }
    }
}

/// The adjoint of padding with a constant, or of removing elements if a pad is negative.
fn pad_adjoint(g: &Value, axis: usize, before: i64, after: i64) -> Value {
    let start = before.max(0) as usize;
    let end = g.shape()[axis].saturating_sub(after.max(0) as usize);
    g.slice(axis, start, end, 1).pad(axis, (-before).max(0) as usize, (-after).max(0) as usize)
}

/// y = the elements of x at indices of one axis. x̄ = the sum of ȳ over the positions to which an
/// element went.
pub(super) fn gather(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let mut shape = ctx.x_shape(0)?;
    let axis = ctx.axis(0, shape.len())?;
    if !ctx.is_constant(1) && ctx.ints(1).is_err() {
        return scattering::gather(ctx, axis);
    }
    let extent = shape[axis];
    let from_start = |&index: &i64| if index < 0 { index + extent as i64 } else { index };
    let indices: Vec<i64> = ctx.ints(1)?.iter().map(from_start).collect();
    let picks: Option<Vec<usize>> = indices.iter().map(|&at| usize::try_from(at).ok()).collect();
    let picks = match picks {
        Some(picks) if picks.iter().all(|&at| at < extent) => picks,
        _ => return Err(ctx.refuse("indices", indices)),
    };
    shape[axis] = picks.len();
    let g = ctx.g().reshape(&shape);
    if let Some(&first) = picks.first()
        && picks.iter().enumerate().all(|(i, &at)| at == first + i)
    {
        return Ok(g.pad(axis, first, extent - first - picks.len()));
    }
    let picks: Vec<Option<usize>> = picks.into_iter().map(Some).collect();
    Ok(Matrix::picking(&picks, extent)?.adjoint(&g, axis))
}
