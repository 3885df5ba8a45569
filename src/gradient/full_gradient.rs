//! The full gradient (Srinivas and Fleuret 2019, <https://arxiv.org/abs/1905.00780>): the gradient
//! of a value, and that of every bias between the value and the logits.

use super::driver::{backpropagate, refusing};
use super::error::RuleError;
use super::forward_graph::{ForwardGraph, label};
use super::names::{bias_product_name, cotangent_name};
use super::node_context::NodeContext;
use super::path::Path;
use super::rule_set::Rules;
use super::table::find;
use super::tape::Tape;
use super::{GradientError, GradientGraph};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Facts, Model, Value};

/// Differentiates `logits` with respect to `value` and to every bias on the way from it.
///
/// The output [`cotangent_name`] of `value` is its cotangent. For each operator with a bias b, the
/// output [`bias_product_name`] of the operator's first output y is ȳ ⊙ b, in the shape of y.
/// In a network of operators that are linear but for their bias, and of activations f with
/// f(ax) = a·f(x), the logits are the sum of the value times its cotangent and of all ȳ ⊙ b.
///
/// # Errors
/// As [`derive`](super::derive()).
pub fn derive_full_gradient(
    model: &Model,
    facts: &Facts,
    value: &str,
    logits: &str,
) -> Result<GradientGraph, GradientError> {
    let forward = ForwardGraph::of(model, facts)?;
    let path = Path::between(&forward, &[value], logits)?;
    let has_bias = |node: &&&NodeProto| find(node).is_some_and(|row| row.bias.is_some());
    let biased: Vec<&NodeProto> = path.nodes.iter().filter(has_bias).copied().collect();
    let own = cotangent_name(value);
    let products = biased.iter().map(|node| bias_product_name(&node.output[0]));
    let outputs: Vec<String> = [own.clone()].into_iter().chain(products).collect();
    let mut tape = Tape::new(forward, &outputs);
    let cotangents = backpropagate(&mut tape, &[value], logits, Rules::GRADIENT)?;
    let cotangent =
        cotangents.get(value).ok_or_else(|| GradientError::UnknownShape(value.to_owned()))?;
    tape.builder.output(&own, cotangent);
    for node in biased {
        let Some(cotangent) = cotangents.get(node.output[0].as_str()) else { continue };
        let product = refusing(node, || product(node, cotangent, &mut tape));
        if let Some(product) = product.map_err(|refusal| GradientError::Refused(vec![refusal]))? {
            tape.builder.output(&bias_product_name(&node.output[0]), &product);
        }
    }
    tape.finish(Rules::GRADIENT, &model.graph().name)
}

/// ȳ ⊙ b for the bias b of `node`, whose output has the cotangent ȳ. None where it has no bias.
fn product<'m>(
    node: &'m NodeProto,
    cotangent: &Value,
    tape: &mut Tape<'m>,
) -> Result<Option<Value>, RuleError> {
    let Some(rule) = find(node).and_then(|row| row.bias) else { return Ok(None) };
    tape.builder.set_scope(bias_product_name(label(node)));
    let outputs = [Some(cotangent.clone())];
    let bias = rule(&mut NodeContext { node, tape, output_cotangents: &outputs })?;
    Ok(bias.map(|bias| cotangent * bias.cast(cotangent.element())))
}
