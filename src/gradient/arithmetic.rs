//! Rules of element-wise arithmetic. If an operand was broadcast, the driver sums its cotangent
//! over the broadcast axes.

use super::node_context::{Cotangent, NodeContext};

/// y = Σ xᵢ. x̄ᵢ = ȳ.
pub(super) fn add(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g())
}

/// y = a − b. ā = ȳ; b̄ = −ȳ.
pub(super) fn sub(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    Ok(if argument == 0 { ctx.g() } else { -ctx.g() })
}

/// y = ab. ā = ȳb; b̄ = ȳa.
pub(super) fn mul(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    Ok(ctx.g() * ctx.x(1 - argument)?)
}

/// y = a/b. ā = ȳ/b; b̄ = −ȳy/b.
pub(super) fn div(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    match argument {
        0 => Ok(ctx.g() / ctx.x(1)?),
        _ => Ok(-(ctx.g() * ctx.y()? / ctx.x(1)?)),
    }
}

/// y = Σ xᵢ / n. x̄ᵢ = ȳ/n.
pub(super) fn mean(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() * (1.0 / ctx.node.input.len() as f32))
}

/// y = −x. x̄ = −ȳ.
pub(super) fn neg(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(-ctx.g())
}

/// y = xᵖ. x̄ = ȳ·p·xᵖ⁻¹, and 0 at x = 0 for p < 1; p̄ = ȳ·y·ln x, and 0 at x = 0.
pub(super) fn pow(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let (g, x) = (ctx.g(), ctx.x(0)?);
    let is_zero = || x.equal(&x.constant(0.0));
    if argument == 1 {
        return Ok(is_zero().select(&x.constant(0.0), &(g * ctx.y()? * x.log())));
    }
    match ctx.floats(1).as_deref() {
        Ok([0.0]) => Ok(g.builder().zeros(g.shape(), g.element())),
        Ok([1.0]) => Ok(g),
        Ok([2.0]) => Ok(g * x * 2.0),
        Ok([p]) => {
            let cotangent = g * x.pow(&x.constant(p - 1.0)) * *p;
            Ok(if *p < 1.0 { is_zero().select(&x.constant(0.0), &cotangent) } else { cotangent })
        }
        _ => {
            let p = ctx.x(1)?.cast(x.element());
            // At x = 0 the derivative is 1 for p = 1, else 0.
            let at_zero = p.equal(&p.constant(1.0)).mask(&g);
            let elsewhere = &g * x.pow(&(&p - 1.0)) * p;
            Ok(is_zero().select(&at_zero, &elsewhere))
        }
    }
}

/// y = x rounded to an integer. x̄ = ȳ, the straight-through estimator (Bengio et al. 2013,
/// <https://arxiv.org/abs/1308.3432>). The derivative is 0 wherever there is one, so a quantized
/// network would have no gradient.
pub(super) fn round(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g())
}

/// y changes in steps. x̄ = 0.
pub(super) fn flat(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let g = ctx.g();
    Ok(g.builder().zeros(g.shape(), g.element()))
}

/// y = tan x. x̄ = ȳ(1 + y²).
pub(super) fn tan(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() * (ctx.y()?.square() + 1.0))
}

/// y = arcsin x. x̄ = ȳ/√(1 − x²).
pub(super) fn asin(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() / (1.0f32 - ctx.x(0)?.square()).sqrt())
}

/// y = arccos x. x̄ = −ȳ/√(1 − x²).
pub(super) fn acos(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    Ok(-asin(ctx, argument)?)
}

/// y = arctan x. x̄ = ȳ/(1 + x²).
pub(super) fn atan(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() / (ctx.x(0)?.square() + 1.0))
}

/// y = sinh x. x̄ = ȳ·cosh x = ȳ·(eˣ + e⁻ˣ)/2.
pub(super) fn sinh(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let x = ctx.x(0)?;
    Ok(ctx.g() * ((x.exp() + (-&x).exp()) * 0.5))
}

/// y = cosh x. x̄ = ȳ·sinh x = ȳ·(eˣ − e⁻ˣ)/2.
pub(super) fn cosh(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let x = ctx.x(0)?;
    Ok(ctx.g() * ((x.exp() - (-&x).exp()) * 0.5))
}

/// y = arsinh x. x̄ = ȳ/√(x² + 1).
pub(super) fn asinh(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() / (ctx.x(0)?.square() + 1.0).sqrt())
}

/// y = arcosh x. x̄ = ȳ/√(x² − 1).
pub(super) fn acosh(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() / (ctx.x(0)?.square() - 1.0).sqrt())
}

/// y = artanh x. x̄ = ȳ/(1 − x²).
pub(super) fn atanh(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() / (1.0f32 - ctx.x(0)?.square()))
}

/// y = √x. x̄ = ȳ/(2y), and 0 at x = 0.
pub(super) fn sqrt(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (g, y) = (ctx.g(), ctx.y()?);
    Ok(y.equal(&y.constant(0.0)).select(&y, &(g * 0.5 / &y)))
}

/// y = eˣ. x̄ = ȳy.
pub(super) fn exp(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() * ctx.y()?)
}

/// y = ln x. x̄ = ȳ/x.
pub(super) fn log(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() / ctx.x(0)?)
}

/// y = |x|. x̄ = ȳ·sign(x).
pub(super) fn abs(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() * ctx.x(0)?.sign())
}

/// y = 1/x. x̄ = −ȳy².
pub(super) fn reciprocal(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(-(ctx.g() * ctx.y()?.square()))
}

/// y = erf x. x̄ = ȳ·2/√π·e^(−x²).
pub(super) fn erf(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let x = ctx.x(0)?;
    Ok(ctx.g() * (-x.square()).exp() * std::f32::consts::FRAC_2_SQRT_PI)
}

/// y = sin x. x̄ = ȳ·cos x.
pub(super) fn sin(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(ctx.g() * ctx.x(0)?.cos())
}

/// y = cos x. x̄ = −ȳ·sin x.
pub(super) fn cos(ctx: &mut NodeContext, _: usize) -> Cotangent {
    Ok(-(ctx.g() * ctx.x(0)?.sin()))
}

/// y = min or max of the xᵢ. x̄ᵢ = ȳ·\[xᵢ = y\]/m, where m of the xᵢ equal y.
pub(super) fn extremum(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let (g, y) = (ctx.g(), ctx.y()?);
    let mut ties = None;
    for index in 0..ctx.node.input.len() {
        let tie = ctx.x(index)?.equal(&y).cast(y.element());
        ties = Some(ties.map_or(tie.clone(), |count| count + tie));
    }
    let hit = ctx.x(argument)?.equal(&y);
    match ties {
        Some(count) if ctx.node.input.len() > 1 => Ok(hit.mask(&(g / count))),
        _ => Ok(g),
    }
}

/// y = c ? a : b. ā = c ? ȳ : 0; b̄ = c ? 0 : ȳ.
pub(super) fn select(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let (g, condition) = (ctx.g(), ctx.x(0)?);
    match argument {
        1 => Ok(condition.mask(&g)),
        _ => Ok(condition.select(&g.constant(0.0), &g)),
    }
}

/// y = x in another float type. x̄ = ȳ in x's type.
pub(super) fn cast(ctx: &mut NodeContext, _: usize) -> Cotangent {
    match ctx.forward().element(ctx.input_name(0)?) {
        Some(element) => Ok(ctx.g().cast(element)),
        None => {
            Err(super::error::RuleError("the type of its input could not be inferred".to_owned()))
        }
    }
}

/// y = x at inference. x̄ = ȳ.
pub(super) fn dropout(ctx: &mut NodeContext, _: usize) -> Cotangent {
    if ctx.optional_input(2).is_some() && ctx.ints(2)?.iter().any(|&training| training != 0) {
        return Err(ctx.refuse("training_mode", true));
    }
    Ok(ctx.g())
}
