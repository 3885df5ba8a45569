//! Rules of element-wise arithmetic. Operands broadcast; the driver sums the cotangents back.

use super::site::{Cotangent, Site};

/// y = Σ xᵢ. x̄ᵢ = ȳ.
pub(super) fn add(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.g())
}

/// y = a − b. ā = ȳ; b̄ = −ȳ.
pub(super) fn sub(site: &mut Site, argument: usize) -> Cotangent {
    Ok(if argument == 0 { site.g() } else { -site.g() })
}

/// y = ab. ā = ȳb; b̄ = ȳa.
pub(super) fn mul(site: &mut Site, argument: usize) -> Cotangent {
    Ok(site.g() * site.x(1 - argument)?)
}

/// y = a/b. ā = ȳ/b; b̄ = −ȳy/b.
pub(super) fn div(site: &mut Site, argument: usize) -> Cotangent {
    match argument {
        0 => Ok(site.g() / site.x(1)?),
        _ => Ok(-(site.g() * site.y()? / site.x(1)?)),
    }
}

/// y = Σ xᵢ / n. x̄ᵢ = ȳ/n.
pub(super) fn mean(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.g() * (1.0 / site.node.input.len() as f32))
}

/// y = −x. x̄ = −ȳ.
pub(super) fn neg(site: &mut Site, _: usize) -> Cotangent {
    Ok(-site.g())
}

/// y = xᵖ. x̄ = ȳ·p·xᵖ⁻¹; p̄ = ȳ·y·ln x.
pub(super) fn pow(site: &mut Site, argument: usize) -> Cotangent {
    let g = site.g();
    let x = site.x(0)?;
    if argument == 1 {
        return Ok(g * site.y()? * x.log());
    }
    match site.floats(1).as_deref() {
        Ok([1.0]) => Ok(g),
        Ok([2.0]) => Ok(g * x * 2.0),
        Ok([p]) => Ok(g * x.pow(&x.constant(p - 1.0)) * *p),
        _ => {
            let p = site.x(1)?.cast(x.element());
            Ok(g * x.pow(&(&p - 1.0)) * p)
        }
    }
}

/// y = √x. x̄ = ȳ/(2y).
pub(super) fn sqrt(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.g() * 0.5 / site.y()?)
}

/// y = eˣ. x̄ = ȳy.
pub(super) fn exp(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.g() * site.y()?)
}

/// y = ln x. x̄ = ȳ/x.
pub(super) fn log(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.g() / site.x(0)?)
}

/// y = |x|. x̄ = ȳ·sign(x).
pub(super) fn abs(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.g() * site.x(0)?.sign())
}

/// y = 1/x. x̄ = −ȳy².
pub(super) fn reciprocal(site: &mut Site, _: usize) -> Cotangent {
    Ok(-(site.g() * site.y()?.square()))
}

/// y = erf x. x̄ = ȳ·2/√π·e^(−x²).
pub(super) fn erf(site: &mut Site, _: usize) -> Cotangent {
    let x = site.x(0)?;
    Ok(site.g() * (-x.square()).exp() * std::f32::consts::FRAC_2_SQRT_PI)
}

/// y = sin x. x̄ = ȳ·cos x.
pub(super) fn sin(site: &mut Site, _: usize) -> Cotangent {
    Ok(site.g() * site.x(0)?.cos())
}

/// y = cos x. x̄ = −ȳ·sin x.
pub(super) fn cos(site: &mut Site, _: usize) -> Cotangent {
    Ok(-(site.g() * site.x(0)?.sin()))
}

/// y = min or max of xᵢ. x̄ᵢ = ȳ·\[xᵢ = y\]/m, where m of the xᵢ equal y.
pub(super) fn extremum(site: &mut Site, argument: usize) -> Cotangent {
    let (g, y) = (site.g(), site.y()?);
    let mut ties = None;
    for index in 0..site.node.input.len() {
        let tie = site.x(index)?.equal(&y).cast(y.element());
        ties = Some(ties.map_or(tie.clone(), |count| count + tie));
    }
    let hit = site.x(argument)?.equal(&y);
    match ties {
        Some(count) if site.node.input.len() > 1 => Ok(hit.mask(&(g / count))),
        _ => Ok(g),
    }
}

/// y = c ? a : b. ā = c ? ȳ : 0; b̄ = c ? 0 : ȳ.
pub(super) fn choose(site: &mut Site, argument: usize) -> Cotangent {
    let (g, condition) = (site.g(), site.x(0)?);
    match argument {
        1 => Ok(condition.mask(&g)),
        _ => Ok(condition.select(&g.constant(0.0), &g)),
    }
}

/// y = x in another float type. x̄ = ȳ in x's type.
pub(super) fn cast(site: &mut Site, _: usize) -> Cotangent {
    match site.forward().element(site.name(0)?) {
        Some(element) => Ok(site.g().cast(element)),
        None => Err(super::site::Reason("the type of its input could not be inferred".to_owned())),
    }
}

/// y = x at inference. x̄ = ȳ.
pub(super) fn dropout(site: &mut Site, _: usize) -> Cotangent {
    if site.given(2).is_some() && site.ints(2)?.iter().any(|&training| training != 0) {
        return Err(site.refuse("training_mode", true));
    }
    Ok(site.g())
}
