//! Rules of matrix products.

use super::node_context::{Cotangent, NodeContext};
use crate::onnx::{Attribute, Attributes, Value};

/// y = α·a·b + β·c. a and b may be transposed. ā = α·ȳ·bᵀ; b̄ = α·aᵀ·ȳ; c̄ = β·ȳ.
pub(super) fn gemm(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 1.0);
    let transposes_a = ctx.node.int("transA", 0) != 0;
    let transposes_b = ctx.node.int("transB", 0) != 0;
    let g = ctx.g();
    match argument {
        0 if transposes_a => Ok(product(&ctx.x(1)?, transposes_b, &g, true, alpha)),
        0 => Ok(product(&g, false, &ctx.x(1)?, !transposes_b, alpha)),
        1 if transposes_b => Ok(product(&g, true, &ctx.x(0)?, transposes_a, alpha)),
        1 => Ok(product(&ctx.x(0)?, !transposes_a, &g, false, alpha)),
        _ => Ok(g * ctx.node.float("beta", 1.0)),
    }
}

fn product(a: &Value, transposes_a: bool, b: &Value, transposes_b: bool, alpha: f32) -> Value {
    let rows = a.shape()[usize::from(transposes_a)];
    let columns = b.shape()[usize::from(!transposes_b)];
    let mut attributes = Vec::new();
    if alpha != 1.0 {
        attributes.push(("alpha", Attribute::Float(alpha)));
    }
    for (name, transposes) in [("transA", transposes_a), ("transB", transposes_b)] {
        if transposes {
            attributes.push((name, Attribute::Int(1)));
        }
    }
    a.builder().node("Gemm", &[a, b], &attributes, a.element(), &[rows, columns])
}

/// y = a·b over the last two axes. ā = ȳ·bᵀ; b̄ = aᵀ·ȳ.
pub(super) fn matmul(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let (a, b, g) = (ctx.x_shape(0)?, ctx.x_shape(1)?, ctx.g());
    if a.len() == 2 && b.len() == 2 {
        // Gemm transposes while it reads, so a weight is in memory only once.
        return Ok(match argument {
            0 => product(&g, false, &ctx.x(1)?, true, 1.0),
            _ => product(&ctx.x(0)?, true, &g, false, 1.0),
        });
    }
    // A vector on the left is a row, one on the right is a column. y lacks the axis of extent 1.
    let mut shape = g.shape().to_vec();
    if b.len() == 1 {
        shape.push(1);
    }
    if a.len() == 1 {
        shape.insert(shape.len() - 1, 1);
    }
    let g = g.reshape(&shape);
    let other = ctx.x(1 - argument)?;
    match argument {
        0 => {
            let matrix = if b.len() == 1 { other.reshape(&[b[0], 1]) } else { other };
            let cotangent = g.matmul(&matrix.matrix_transpose());
            Ok(if a.len() == 1 { cotangent.sum_to(&[1, a[0]]).reshape(&a) } else { cotangent })
        }
        _ => {
            let matrix = if a.len() == 1 { other.reshape(&[1, a[0]]) } else { other };
            let cotangent = matrix.matrix_transpose().matmul(&g);
            Ok(if b.len() == 1 { cotangent.sum_to(&[b[0], 1]).reshape(&b) } else { cotangent })
        }
    }
}
