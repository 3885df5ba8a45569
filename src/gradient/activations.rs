//! Rules of activation functions. If the derivative can be computed from the output, the output is
//! the residual: it is the value that a layer shows, and it is often computed already.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext};
use crate::onnx::{Attributes, Value};

/// y = max(x, 0). x̄ = ȳ·\[y > 0\] = ȳ·sign(y).
pub(super) fn relu(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (g, y) = (ctx.g(), ctx.y()?);
    let cotangent = &g * y.sign();
    ctx.tape.engine_node("ReluGradient", &[&g, &y], &[], &cotangent);
    Ok(cotangent)
}

/// y = x for x > 0, else αx. x̄ = ȳ·(α + (1 − α)·\[x > 0\]).
pub(super) fn leaky_relu(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 0.01);
    // The sign of x is the sign of y as long as α is positive.
    let x = if alpha > 0.0 { ctx.y()? } else { ctx.x(0)? };
    Ok(ctx.g() * (positive(&x) * (1.0 - alpha) + alpha))
}

/// y = x for x > 0, else sx. x̄ = ȳ·(1 or s); s̄ = ȳ·min(x, 0).
pub(super) fn prelu(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let (g, x) = (ctx.g(), ctx.x(0)?);
    match argument {
        0 => {
            let slope = ctx.x(1)?;
            Ok(g * (positive(&x) * (1.0 - &slope) + slope))
        }
        _ => Ok(g * negative_part(&x)),
    }
}

/// y = x for x > 0, else α(eˣ − 1). x̄ = ȳ·(1 or y + α).
pub(super) fn elu(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 1.0);
    exponential_tail(ctx, alpha, 1.0)
}

/// y = γx for x > 0, else γα(eˣ − 1). x̄ = ȳ·(γ or y + γα).
pub(super) fn selu(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 1.673_263_2);
    let gamma = ctx.node.float("gamma", 1.050_701);
    exponential_tail(ctx, alpha * gamma, gamma)
}

/// y = γx for x > 0, else a(eˣ − 1). x̄ = ȳ·(min(y, 0) + a + (γ − a)·\[y > 0\]).
fn exponential_tail(ctx: &mut NodeContext, a: f32, gamma: f32) -> Cotangent {
    if a <= 0.0 {
        return Err(ctx.refuse("alpha", a));
    }
    let (g, y) = (ctx.g(), ctx.y()?);
    let slope = negative_part(&y) + a;
    Ok(g * if a == gamma { slope } else { slope + positive(&y) * (gamma - a) })
}

/// y = x for x > 0, else α(e^(x/α) − 1). x̄ = ȳ·e^(min(x, 0)/α).
pub(super) fn celu(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 1.0);
    Ok(ctx.g() * (negative_part(&ctx.x(0)?) * (1.0 / alpha)).exp())
}

/// y = 1/(1 + e⁻ˣ). x̄ = ȳ·y·(1 − y).
pub(super) fn sigmoid(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let y = ctx.y()?;
    Ok(ctx.g() * (&y * (1.0 - &y)))
}

/// y = tanh x. x̄ = ȳ·(1 − y²).
pub(super) fn tanh(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let y = ctx.y()?;
    Ok(ctx.g() * (1.0 - y.square()))
}

/// y = min(max(αx + β, 0), 1). x̄ = αȳ·\[0 < y < 1\].
pub(super) fn hard_sigmoid(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 0.2);
    Ok(ctx.g() * strictly_inside_0_to_1(&ctx.y()?) * alpha)
}

/// y = xs with s = min(max(x/6 + ½, 0), 1). x̄ = ȳ·(s + x/6·\[0 < s < 1\]).
pub(super) fn hard_swish(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let x = ctx.x(0)?;
    let s = (&x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0);
    Ok(ctx.g() * (&s + strictly_inside_0_to_1(&s) * (x * (1.0 / 6.0))))
}

/// \[0 < s < 1\], for an s that is at least 0 and at most 1.
fn strictly_inside_0_to_1(s: &Value) -> Value {
    (s * (1.0 - s)).sign()
}

/// y = ln(1 + eˣ). x̄ = ȳ·σ(x).
pub(super) fn softplus(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.x(0)?.sigmoid() * ctx.g())
}

/// y = x/(1 + |x|). x̄ = ȳ/(1 + |x|)².
pub(super) fn softsign(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() / (ctx.x(0)?.abs() + 1.0).square())
}

/// y = x·t with t = tanh(softplus x). x̄ = ȳ·(t + x·(1 − t²)·σ(x)).
pub(super) fn mish(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let x = ctx.x(0)?;
    let t = x.softplus().tanh();
    Ok(ctx.g() * (&t + &x * (1.0 - t.square()) * x.sigmoid()))
}

/// y = x·σ(αx). x̄ = ȳ·(s + αy·(1 − s)) with s = σ(αx).
pub(super) fn swish(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 1.0);
    let x = ctx.x(0)?;
    let s = (&x * alpha).sigmoid();
    Ok(ctx.g() * (&s + x * alpha * &s * (1.0 - &s)))
}

/// y = x·Φ(x). x̄ = ȳ·(Φ(x) + x·φ(x)).
///
/// With `approximate = tanh`, y = x(1 + t)/2 and t = tanh u, u = √(2/π)·(x + 0.044715x³):
/// x̄ = ȳ·½(1 + t + x·(1 − t²)·u′).
pub(super) fn gelu(ctx: &mut NodeContext, _: usize) -> Cotangent {
    const SQRT_2_PI: f32 = 0.797_884_6;
    let (g, x) = (ctx.g(), ctx.x(0)?);
    let slope = match ctx.node.string("approximate").unwrap_or("none") {
        "tanh" => {
            let t = ((&x + x.square() * &x * 0.044_715) * SQRT_2_PI).tanh();
            let inner = (x.square() * (3.0 * 0.044_715) + 1.0) * SQRT_2_PI;
            (1.0 + &t + &x * (1.0 - t.square()) * inner) * 0.5
        }
        "none" => {
            let cumulative = ((&x * std::f32::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
            let density = (x.square() * -0.5).exp() * (SQRT_2_PI * 0.5);
            cumulative + &x * density
        }
        other => return Err(ctx.refuse("approximate", other)),
    };
    Ok(g * slope)
}

/// y = min(max(x, l), h). x̄ = ȳ·\[l < y < h\] = ȳ·sign(y − l)·sign(h − y).
///
/// The signs are multiplied, because a product of differences underflows, and is 0·∞ at one bound
/// where the other is infinite.
pub(super) fn clip(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let mut g = ctx.g();
    if let Some(low) = bound(ctx, "min", 1, f32::NEG_INFINITY)? {
        g = g * (ctx.y()? - low).sign();
    }
    if let Some(high) = bound(ctx, "max", 2, f32::INFINITY)? {
        g = g * (high - ctx.y()?).sign();
    }
    Ok(g)
}

/// A bound of Clip: an attribute before opset 11, an input since then. None if it is missing or
/// `unbounded`.
fn bound(
    ctx: &mut NodeContext,
    name: &str,
    input: usize,
    unbounded: f32,
) -> Result<Option<Value>, RuleError> {
    if ctx.optional_input(input).is_some() {
        let is_unbounded = ctx.floats(input).is_ok_and(|bound| bound == [unbounded]);
        return if is_unbounded { Ok(None) } else { ctx.x(input).map(Some) };
    }
    let given = Some(ctx.node.float(name, unbounded)).filter(|&bound| bound != unbounded);
    Ok(given.map(|bound| ctx.g().constant(bound)))
}

/// y = x for x > α, else 0. x̄ = ȳ·\[x > α\].
pub(super) fn thresholded_relu(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let alpha = ctx.node.float("alpha", 1.0);
    Ok(ctx.g() * positive(&(ctx.x(0)? - alpha)))
}

/// y = x − b for x > λ, x + b for x < −λ, else 0. x̄ = ȳ·\[|x| > λ\].
pub(super) fn shrink(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let limit = ctx.node.float("lambd", 0.5);
    Ok(ctx.g() * positive(&(ctx.x(0)?.abs() - limit)))
}

/// y = eˣ / Σ eˣ over an axis. x̄ = y·(ȳ − Σ ȳy).
pub(super) fn softmax(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (y, g, axis) = flattened(ctx)?;
    let product = &g * &y;
    let shape = ctx.x_shape(0)?;
    Ok((&product - product.sum(&[axis]) * y).reshape(&shape))
}

/// y = x − ln Σ eˣ over an axis. x̄ = ȳ − eʸ·Σ ȳ.
pub(super) fn log_softmax(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (y, g, axis) = flattened(ctx)?;
    let shape = ctx.x_shape(0)?;
    Ok((&g - y.exp() * g.sum(&[axis])).reshape(&shape))
}

/// The output and its cotangent, in a shape where each distribution lies along one axis, and that
/// axis. Before opset 13 all axes from `axis` on form one distribution.
fn flattened(ctx: &mut NodeContext) -> Result<(Value, Value, usize), RuleError> {
    let (y, g) = (ctx.y()?, ctx.g());
    let rank = y.rank();
    if ctx.opset() >= 13 {
        let axis = ctx.axis(-1, rank)?;
        return Ok((y, g, axis));
    }
    let axis = ctx.axis(1, rank)?;
    let rows: usize = y.shape()[..axis].iter().product();
    let columns: usize = y.shape()[axis..].iter().product();
    Ok((y.reshape(&[rows, columns]), g.reshape(&[rows, columns]), 1))
}

/// \[x > 0\] as 0 or 1. It uses arithmetic on floats, because engines compute that faster than
/// selection by booleans.
fn positive(x: &Value) -> Value {
    x.sign().relu()
}

/// min(x, 0).
fn negative_part(x: &Value) -> Value {
    -(-x).relu()
}
