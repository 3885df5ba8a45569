//! The rule of GridSample: the picture is read at places between its elements.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext};
use crate::onnx::{Attributes, Element, Value};

/// y\[p\] = Σ wₖ(p)·x\[the k-th of the four elements around p\], with the weights of linear
/// interpolation, or with the nearest element alone. x̄ = the sums of ȳwₖ over the places that read
/// an element. The cotangent of a place is Σ ȳ·x·∂wₖ, and 0 with the nearest element.
pub(super) fn grid_sample(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let (x, grid, g) = (ctx.x(0)?, ctx.x(1)?, ctx.g());
    let &[batch, channels, height, width] = x.shape() else {
        return Err(RuleError(format!("its input has {} dimensions, not 4", x.rank())));
    };
    let places = grid.shape().iter().product::<usize>() / (2 * batch);
    let grid = grid.reshape(&[batch, places, 2]);
    let column = axis(ctx, &grid, 0, width)?;
    let row = axis(ctx, &grid, 1, height)?;
    let g = g.reshape(&[batch, channels, places]);
    let x = x.reshape(&[batch, channels, height * width]);
    let mut to_picture: Option<Value> = None;
    let mut to_grid = [None, None];
    for (y, weight_y, slope_y) in &row.elements {
        for (across, weight_x, slope_x) in &column.elements {
            let index = (y * width as f32 + across).cast(Element::Int);
            let index = index.expanded(&[batch, channels, places]);
            if argument == 0 {
                let part = (&g * weight_y * weight_x).scattered(&index, x.shape(), 2);
                add(&mut to_picture, part);
                continue;
            }
            let product = (&g * x.gathered(&index, 2)).sum(&[1]);
            add(&mut to_grid[0], &product * weight_y * slope_x);
            add(&mut to_grid[1], &product * slope_y * weight_x);
        }
    }
    if let Some(cotangent) = to_picture {
        return Ok(cotangent.reshape(&[batch, channels, height, width]));
    }
    let shape = ctx.x_shape(1)?;
    let parts = to_grid.into_iter().flatten().map(|part| part.reshape(&[batch, places, 1]));
    Ok(Value::concat(&parts.collect::<Vec<_>>(), 2).reshape(&shape))
}

fn add(sum: &mut Option<Value>, part: Value) {
    *sum = Some(match sum.take() {
        Some(sum) => sum + part,
        None => part,
    });
}

/// Where the places are along one axis.
struct Along {
    /// For each element that a place reads: its index, its weight, and the derivative of the weight
    /// by the number in the grid. The weight of an element outside the picture is 0, and its index
    /// is that of another one.
    elements: Vec<(Value, Value, Value)>,
}

/// The coordinate `axis` of the places, batch × 1 × places, along an axis of `extent` elements.
fn axis(ctx: &NodeContext, grid: &Value, axis: usize, extent: usize) -> Result<Along, RuleError> {
    let (batch, places) = (grid.shape()[0], grid.shape()[1]);
    let given = grid.slice(2, axis, axis + 1, 1).reshape(&[batch, 1, places]);
    let last = extent as f32 - 1.0;
    // −1 and 1 are the centres of the outer elements, or their outer edges.
    let scale = if ctx.node.int("align_corners", 0) != 0 { last } else { extent as f32 } / 2.0;
    let mut at = given * scale + last / 2.0;
    let mut slope = at.constant(scale);
    match ctx.node.string("padding_mode").unwrap_or("zeros") {
        "zeros" => {}
        "border" => {
            let limited = at.clamp(0.0, last);
            slope = at.equal(&limited).mask(&slope);
            at = limited;
        }
        other => return Err(ctx.refuse("padding_mode", other)),
    }
    let element = |at: &Value, weight: Value, slope: Value| {
        let index = at.clamp(0.0, last);
        let is_inside = at.equal(&index);
        (index, is_inside.mask(&weight), is_inside.mask(&slope))
    };
    let elements = match ctx.node.string("mode").unwrap_or("linear") {
        "linear" | "bilinear" => {
            let before = at.floor();
            let rest = &at - &before;
            let after = &before + 1.0;
            vec![element(&before, 1.0f32 - &rest, -&slope), element(&after, rest, slope)]
        }
        "nearest" => {
            let none = &at * 0.0;
            vec![element(&at.round(), &none + 1.0, none)]
        }
        other => return Err(ctx.refuse("mode", other)),
    };
    Ok(Along { elements })
}
