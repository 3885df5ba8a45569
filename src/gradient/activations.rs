//! Rules of element-wise non-linearities. Where the derivative can be told from the output, the
//! output is the residual: it is what a layer shows, and often already kept.

use super::site::{Cotangent, Reason, Site};
use crate::onnx::{Attributes, Value};

/// y = max(x, 0). x̄ = ȳ·\[y > 0\].
pub(super) fn relu(site: &mut Site, _: usize) -> Cotangent {
    let y = site.y()?;
    Ok(y.greater(&y.constant(0.0)).mask(&site.g()))
}

/// y = x for x > 0, else αx. x̄ = ȳ·(1 or α).
pub(super) fn leaky_relu(site: &mut Site, _: usize) -> Cotangent {
    let alpha = site.node.float("alpha", 0.01);
    // The sign of x is the sign of y as long as α is positive.
    let x = if alpha > 0.0 { site.y()? } else { site.x(0)? };
    let g = site.g();
    Ok(positive(&x).select(&g, &(&g * alpha)))
}

/// y = x for x > 0, else sx. x̄ = ȳ·(1 or s); s̄ = ȳ·min(x, 0).
pub(super) fn prelu(site: &mut Site, argument: usize) -> Cotangent {
    let (g, x) = (site.g(), site.x(0)?);
    match argument {
        0 => Ok(positive(&x).select(&g, &(&g * site.x(1)?))),
        _ => Ok(positive(&x).select(&g.constant(0.0), &(g * &x))),
    }
}

/// y = x for x > 0, else α(eˣ − 1). x̄ = ȳ·(1 or y + α).
pub(super) fn elu(site: &mut Site, _: usize) -> Cotangent {
    let alpha = site.node.float("alpha", 1.0);
    exponential_tail(site, alpha, 1.0)
}

/// y = γx for x > 0, else γα(eˣ − 1). x̄ = ȳ·(γ or y + γα).
pub(super) fn selu(site: &mut Site, _: usize) -> Cotangent {
    let alpha = site.node.float("alpha", 1.673_263_2);
    let gamma = site.node.float("gamma", 1.050_701);
    exponential_tail(site, alpha * gamma, gamma)
}

/// y = x for x > 0, else α(e^(x/α) − 1). x̄ = ȳ·(1 or e^(x/α)).
///
/// From the input: tract 0.23 leaves α out of y.
pub(super) fn celu(site: &mut Site, _: usize) -> Cotangent {
    let alpha = site.node.float("alpha", 1.0);
    let (g, x) = (site.g(), site.x(0)?);
    let tail = &g * (&x * (1.0 / alpha)).exp();
    Ok(positive(&x).select(&g, &tail))
}

/// y = γx for x > 0, else a(eˣ − 1): the derivative is γ, or y + a.
fn exponential_tail(site: &mut Site, a: f32, gamma: f32) -> Cotangent {
    if a <= 0.0 {
        return Err(site.refuse("alpha", a));
    }
    let (g, y) = (site.g(), site.y()?);
    Ok(g * positive(&y).select(&y.constant(gamma), &(&y + a)))
}

/// y = 1/(1 + e⁻ˣ). x̄ = ȳ·y·(1 − y).
pub(super) fn sigmoid(site: &mut Site, _: usize) -> Cotangent {
    let y = site.y()?;
    Ok(site.g() * (&y * (1.0 - &y)))
}

/// y = tanh x. x̄ = ȳ·(1 − y²).
pub(super) fn tanh(site: &mut Site, _: usize) -> Cotangent {
    let y = site.y()?;
    Ok(site.g() * (1.0 - y.square()))
}

/// y = min(max(αx + β, 0), 1). x̄ = αȳ·\[0 < y < 1\].
pub(super) fn hard_sigmoid(site: &mut Site, _: usize) -> Cotangent {
    let alpha = site.node.float("alpha", 0.2);
    let y = site.y()?;
    Ok(between(&y, &y.constant(0.0), &y.constant(1.0)).mask(&(site.g() * alpha)))
}

/// y = x·min(max(x/6 + ½, 0), 1). x̄ = ȳ·(0 up to −3, x/3 + ½ between, 1 from 3).
pub(super) fn hard_swish(site: &mut Site, _: usize) -> Cotangent {
    let (g, x) = (site.g(), site.x(0)?);
    let slope = x.less(&x.constant(3.0)).select(&(&x * (1.0 / 3.0) + 0.5), &x.constant(1.0));
    Ok(x.greater(&x.constant(-3.0)).mask(&(g * slope)))
}

/// y = ln(1 + eˣ). x̄ = ȳ·σ(x).
pub(super) fn softplus(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.x(0)?.sigmoid() * site.g())
}

/// y = x/(1 + |x|). x̄ = ȳ/(1 + |x|)².
pub(super) fn softsign(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.g() / (site.x(0)?.abs() + 1.0).square())
}

/// y = x·t with t = tanh(softplus x). x̄ = ȳ·(t + x·(1 − t²)·σ(x)).
pub(super) fn mish(site: &mut Site, _: usize) -> Cotangent {
    let x = site.x(0)?;
    let t = x.softplus().tanh();
    Ok(site.g() * (&t + &x * (1.0 - t.square()) * x.sigmoid()))
}

/// y = x·σ(αx). x̄ = ȳ·(s + αy·(1 − s)) with s = σ(αx).
pub(super) fn swish(site: &mut Site, _: usize) -> Cotangent {
    let alpha = site.node.float("alpha", 1.0);
    let x = site.x(0)?;
    let s = (&x * alpha).sigmoid();
    Ok(site.g() * (&s + x * alpha * &s * (1.0 - &s)))
}

/// y = x·Φ(x). x̄ = ȳ·(Φ(x) + x·φ(x)).
///
/// With `approximate = tanh`, y = x(1 + t)/2 and t = tanh u, u = √(2/π)·(x + 0.044715x³):
/// x̄ = ȳ·½(1 + t + x·(1 − t²)·u′).
pub(super) fn gelu(site: &mut Site, _: usize) -> Cotangent {
    const SQRT_2_PI: f32 = 0.797_884_6;
    let (g, x) = (site.g(), site.x(0)?);
    let slope = match site.node.string("approximate").unwrap_or("none") {
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
        other => return Err(site.refuse("approximate", other)),
    };
    Ok(g * slope)
}

/// y = min(max(x, l), h). x̄ = ȳ·\[l < y < h\].
pub(super) fn clip(site: &mut Site, _: usize) -> Cotangent {
    let y = site.y()?;
    let low = bound(site, "min", 1)?;
    let high = bound(site, "max", 2)?;
    let inside = match (low, high) {
        (Some(low), Some(high)) => between(&y, &low, &high),
        (Some(low), None) => y.greater(&low),
        (None, Some(high)) => y.less(&high),
        (None, None) => return Ok(site.g()),
    };
    Ok(inside.mask(&site.g()))
}

/// A bound of Clip: an attribute before opset 11, an input since.
fn bound(site: &mut Site, name: &str, input: usize) -> Result<Option<Value>, Reason> {
    if site.given(input).is_some() {
        return Ok(Some(site.x(input)?));
    }
    let given = site.node.has(name).then(|| site.node.float(name, 0.0));
    Ok(given.map(|bound| site.g().constant(bound)))
}

/// y = x for x > α, else 0. x̄ = ȳ·\[x > α\].
pub(super) fn thresholded_relu(site: &mut Site, _: usize) -> Cotangent {
    let alpha = site.node.float("alpha", 1.0);
    let x = site.x(0)?;
    Ok(x.greater(&x.constant(alpha)).mask(&site.g()))
}

/// y = eˣ / Σ eˣ over an axis. x̄ = y·(ȳ − Σ ȳy).
pub(super) fn softmax(site: &mut Site, _: usize) -> Cotangent {
    let (y, g, axis) = flattened(site)?;
    let product = &g * &y;
    let shape = site.x_shape(0)?;
    Ok((&product - product.sum(&[axis]) * y).reshape(&shape))
}

/// y = x − ln Σ eˣ over an axis. x̄ = ȳ − eʸ·Σ ȳ.
pub(super) fn log_softmax(site: &mut Site, _: usize) -> Cotangent {
    let (y, g, axis) = flattened(site)?;
    let shape = site.x_shape(0)?;
    Ok((&g - y.exp() * g.sum(&[axis])).reshape(&shape))
}

/// Output and cotangent in a shape where the probabilities lie along one axis. Before opset 13
/// everything from `axis` on is one distribution.
fn flattened(site: &mut Site) -> Result<(Value, Value, usize), Reason> {
    let (y, g) = (site.y()?, site.g());
    let rank = y.rank();
    if site.opset() >= 13 {
        let axis = site.axis(-1, rank)?;
        return Ok((y, g, axis));
    }
    let axis = site.axis(1, rank)?;
    let rows: usize = y.shape()[..axis].iter().product();
    let columns: usize = y.shape()[axis..].iter().product();
    Ok((y.reshape(&[rows, columns]), g.reshape(&[rows, columns]), 1))
}

fn positive(x: &Value) -> Value {
    x.greater(&x.constant(0.0))
}

fn between(x: &Value, low: &Value, high: &Value) -> Value {
    x.greater(low).and(&x.less(high))
}
