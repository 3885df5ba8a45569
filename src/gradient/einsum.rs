//! The rule of Einsum: a sum of products is linear in each of its operands.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext};
use crate::onnx::{Attribute, Attributes, Value};

/// y\[out\] = Σ Πⱼ xⱼ\[labelsⱼ\] over the labels that are not in the output. x̄ᵢ\[labelsᵢ\] =
/// Σ ȳ\[out\]·Πⱼ≠ᵢ xⱼ\[labelsⱼ\]. It is repeated along labels that only xᵢ has.
pub(super) fn einsum(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    let equation = ctx.node.string("equation").unwrap_or_default().replace(' ', "");
    let refused = || RuleError(format!("equation = {equation:?} has no gradient rule"));
    let (left, right) = equation.split_once("->").ok_or_else(refused)?;
    let terms: Vec<&str> = left.split(',').collect();
    let own = *terms.get(argument).ok_or_else(refused)?;
    let is_twice = |label: char| own.matches(label).count() > 1;
    let shape = ctx.x_shape(argument)?;
    if equation.contains('.') || own.chars().any(is_twice) || own.chars().count() != shape.len() {
        return Err(refused());
    }
    let (mut labels, mut operands) = (vec![right], vec![ctx.g()]);
    for (index, term) in terms.iter().enumerate().filter(|(index, _)| *index != argument) {
        labels.push(term);
        operands.push(ctx.x(index)?);
    }
    let left = labels.join(",");
    let is_known = |label: char| left.contains(label);
    let known: String = own.chars().filter(|&label| is_known(label)).collect();
    let kept = |or: usize| -> Vec<usize> {
        let extents = own.chars().zip(&shape);
        extents.map(|(label, &extent)| if is_known(label) { extent } else { or }).collect()
    };
    let extents = own.chars().zip(&shape).filter(|(label, _)| is_known(*label));
    let extents: Vec<usize> = extents.map(|(_, &extent)| extent).collect();
    let equation = format!("{left}->{known}");
    let attributes = [("equation", Attribute::Text(&equation))];
    let operands: Vec<&Value> = operands.iter().collect();
    let element = operands[0].element();
    let sum = operands[0].builder().node("Einsum", &operands, &attributes, element, &extents);
    Ok(sum.reshape(&kept(1)).broadcast_to(&shape))
}
