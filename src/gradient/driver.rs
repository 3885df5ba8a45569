use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::RuleError;
use super::forward_graph::{ForwardGraph, label};
use super::names::cotangent_name;
use super::node_context::NodeContext;
use super::path::Path;
use super::rule_set::Rules;
use super::table::Operator;
use super::tape::Tape;
use super::{GradientError, GradientGraph, Refusal};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Element, Facts, Model, Value, reads};

/// The reason given when a rule panics.
const RULE_PANICKED: &str = "its attributes do not fit the shapes of its values";

/// Differentiates `logits` with respect to each of `values`, by `rules`. Each value is the output
/// of a node or a graph input.
///
/// # Errors
/// [`GradientError`]. [`GradientError::Refused`] lists every operator on the path that cannot be
/// differentiated.
pub fn derive(
    model: &Model,
    facts: &Facts,
    values: &[&str],
    logits: &str,
    rules: &Rules,
) -> Result<GradientGraph, GradientError> {
    let forward = ForwardGraph::of(model, facts)?;
    let outputs: Vec<String> = values.iter().map(|value| cotangent_name(value)).collect();
    let mut tape = Tape::new(forward, &outputs);
    let cotangents = backpropagate(&mut tape, values, logits, rules)?;
    for (value, output) in values.iter().zip(&outputs) {
        match cotangents.get(value) {
            Some(cotangent) => tape.builder.output(output, cotangent),
            None => return Err(GradientError::UnknownShape((*value).to_owned())),
        }
    }
    tape.finish(rules, &model.graph().name)
}

/// Writes onto `tape` the graph that carries a cotangent of `logits` back to `values`. Returns the
/// cotangents of all values on the path.
///
/// # Errors
/// As [`derive`].
pub(super) fn backpropagate<'m>(
    tape: &mut Tape<'m>,
    values: &[&'m str],
    logits: &'m str,
    rules: &Rules,
) -> Result<HashMap<&'m str, Value>, GradientError> {
    let path = Path::between(&tape.forward, values, logits)?;
    rules.check(&path.nodes, &tape.forward)?;
    let mut cotangents = HashMap::from([(logits, tape.seed(logits)?)]);
    let mut refusals = Vec::new();
    for node in &path.nodes {
        if let Err(refusal) =
            refusing(node, || apply_vjp(node, &path, tape, &mut cotangents, rules))
        {
            refusals.push(refusal);
            zero_cotangents(node, &path, tape, &mut cotangents);
        }
    }
    if !refusals.is_empty() {
        return Err(GradientError::Refused(refusals));
    }
    Ok(cotangents)
}

/// What `rule` writes for `node`.
///
/// The rules assume that attributes and shapes fit each other, as they do in a graph that runs. If
/// they do not, a rule may panic. The unfinished graph must be discarded after a refusal.
pub(super) fn refusing<T>(
    node: &NodeProto,
    rule: impl FnOnce() -> Result<T, RuleError>,
) -> Result<T, Refusal> {
    let panicked = |_| Err(RuleError(RULE_PANICKED.to_owned()));
    let applied = catch_unwind(AssertUnwindSafe(rule)).unwrap_or_else(panicked);
    applied.map_err(|reason| {
        let (operator, node) = (node.op_type.clone(), label(node).to_owned());
        Refusal { operator, node, reason: reason.0 }
    })
}

/// Computes the cotangents of those inputs of `node` that lie on the path, from the cotangents of
/// its outputs.
fn apply_vjp<'m>(
    node: &'m NodeProto,
    path: &Path<'m>,
    tape: &mut Tape<'m>,
    cotangents: &mut HashMap<&'m str, Value>,
    rules: &Rules,
) -> Result<(), RuleError> {
    let outputs: Vec<Option<Value>> =
        node.output.iter().map(|name| cotangents.get(name.as_str()).cloned()).collect();
    if outputs.iter().all(Option::is_none) {
        return Ok(());
    }
    let missing = || RuleError("it has no gradient rule".to_owned());
    let (operator, rule) = rules.of(node).ok_or_else(missing)?;
    operator.check(node, tape.forward.opset)?;
    tape.builder.set_scope(cotangent_name(label(node)));
    for (argument, name) in node.input.iter().enumerate() {
        if !path.contains(name) {
            continue;
        }
        check_supported(operator, argument, &outputs)?;
        let shape = tape.shape(name)?;
        let mut ctx = NodeContext { node, tape, output_cotangents: &outputs };
        let cotangent = rule(&mut ctx, argument)?.sum_to(&shape);
        let total = match cotangents.remove(name.as_str()) {
            Some(earlier) => earlier + cotangent,
            None => cotangent,
        };
        cotangents.insert(name, total);
    }
    Ok(())
}

/// Sets the input cotangents of a refused node to zero, so that the nodes before it are checked
/// too.
fn zero_cotangents<'m>(
    node: &'m NodeProto,
    path: &Path<'m>,
    tape: &Tape<'m>,
    cotangents: &mut HashMap<&'m str, Value>,
) {
    for name in reads(node).filter(|name| path.contains(name)) {
        if let Ok(shape) = tape.shape(name) {
            let zero = tape.builder.zeros(&shape, Element::F32);
            cotangents.entry(name).or_insert(zero);
        }
    }
}

/// Refuses an input, or a cotangent of an output, that the operator's rule does not handle.
fn check_supported(
    operator: &Operator,
    argument: usize,
    outputs: &[Option<Value>],
) -> Result<(), RuleError> {
    if !operator.inputs.contains(argument) {
        let reason = format!("the gradient of its input {argument} is not derived");
        return Err(RuleError(reason));
    }
    match outputs.iter().rposition(Option::is_some) {
        Some(output) if output > 0 && !operator.takes_many_outputs => {
            Err(RuleError(format!("the gradient through its output {output} is not derived")))
        }
        _ => Ok(()),
    }
}
