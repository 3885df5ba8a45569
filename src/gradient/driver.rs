use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::forward::{Forward, label};
use super::node_context::{NodeContext, RuleError};
use super::path::Path;
use super::table::{FIRST_OPSET, Operator, find};
use super::tape::Tape;
use super::{Derived, GradientError, Refusal};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Element, Facts, Model, Value, reads};

/// The name of the input that takes the cotangent of the logits.
pub const SEED: &str = "seed";

/// What the outputs' names begin with.
const PREFIX: &str = "grad/";

/// Why a node is refused over which its rule panicked.
const UNFIT: &str = "its attributes do not fit the shapes of its values";

/// The name of the output that gives the cotangent of `layer`.
#[must_use]
pub fn cotangent_name(layer: &str) -> String {
    format!("{PREFIX}{layer}")
}

/// The layer whose cotangent the output called `output` gives.
#[must_use]
pub fn layer_name(output: &str) -> Option<&str> {
    output.strip_prefix(PREFIX)
}

/// Differentiates `logits` with respect to each of `layers`: forward values or graph inputs.
///
/// # Errors
/// [`GradientError`]: every operator on the path that cannot be differentiated is named at once.
pub fn derive(
    model: &Model,
    facts: &Facts,
    layers: &[&str],
    logits: &str,
) -> Result<Derived, GradientError> {
    let forward = Forward::of(model, facts)?;
    let outputs: Vec<String> = layers.iter().map(|layer| cotangent_name(layer)).collect();
    let mut tape = Tape::new(forward, &outputs);
    let cotangents = backpropagate(&mut tape, layers, logits)?;
    for (layer, output) in layers.iter().zip(&outputs) {
        match cotangents.get(layer) {
            Some(cotangent) => tape.builder.output(output, cotangent),
            None => return Err(GradientError::UnknownShape((*layer).to_owned())),
        }
    }
    tape.finish(&model.graph().name)
}

/// Writes onto `tape` what carries a cotangent of `logits` back to `layers`; gives all cotangents,
/// theirs among them.
///
/// # Errors
/// As [`derive`].
pub(super) fn backpropagate<'m>(
    tape: &mut Tape<'m>,
    layers: &[&'m str],
    logits: &'m str,
) -> Result<HashMap<&'m str, Value>, GradientError> {
    let path = Path::between(&tape.forward, layers, logits)?;
    let mut cotangents = HashMap::from([(logits, tape.seed(logits)?)]);
    let mut refusals = Vec::new();
    for node in &path.nodes {
        // The rules trust that attributes and shapes fit each other, as they do in a graph that
        // runs. Where they do not, what a rule has left half written goes with the whole graph.
        let rule = AssertUnwindSafe(|| apply_vjp(node, &path, tape, &mut cotangents));
        let carried = catch_unwind(rule).unwrap_or_else(|_| Err(RuleError(UNFIT.to_owned())));
        if let Err(reason) = carried {
            let operator = node.op_type.clone();
            refusals.push(Refusal { operator, node: label(node).to_owned(), reason: reason.0 });
            skip(node, &path, tape, &mut cotangents);
        }
    }
    if !refusals.is_empty() {
        return Err(GradientError::Refused(refusals));
    }
    Ok(cotangents)
}

/// Carries the cotangents of `node`'s outputs to those of its inputs that lie on the path.
fn apply_vjp<'m>(
    node: &'m NodeProto,
    path: &Path<'m>,
    tape: &mut Tape<'m>,
    cotangents: &mut HashMap<&'m str, Value>,
) -> Result<(), RuleError> {
    let outputs: Vec<Option<Value>> =
        node.output.iter().map(|name| cotangents.get(name.as_str()).cloned()).collect();
    if outputs.iter().all(Option::is_none) {
        return Ok(());
    }
    let operator = find(node).ok_or_else(|| RuleError("it has no gradient rule".to_owned()))?;
    let opset = tape.forward.opset;
    if opset < FIRST_OPSET {
        return Err(RuleError(format!("operator set {opset} is older than {FIRST_OPSET}")));
    }
    tape.builder.set_scope(cotangent_name(label(node)));
    for (argument, name) in node.input.iter().enumerate() {
        if !path.contains(name) {
            continue;
        }
        check(operator, argument, &outputs)?;
        let shape = tape.shape(name)?;
        let mut ctx = NodeContext { node, tape, outputs: &outputs };
        let cotangent = (operator.rule)(&mut ctx, argument)?.sum_to(&shape);
        let total = match cotangents.remove(name.as_str()) {
            Some(earlier) => earlier + cotangent,
            None => cotangent,
        };
        cotangents.insert(name, total);
    }
    Ok(())
}

/// Stands in for the cotangents that a refused node did not give, so that those before it are
/// looked at too.
fn skip<'m>(
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

fn check(operator: &Operator, argument: usize, outputs: &[Option<Value>]) -> Result<(), RuleError> {
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
