use super::error::RuleError;
use crate::onnx::{Attribute, Builder, Value};

/// What a step of a [`scan`] computes.
pub(super) struct Step {
    /// The state of the next step.
    pub(super) state: Vec<Value>,
    /// What is kept of this step.
    pub(super) kept: Vec<Value>,
}

/// A loop over the first axis of `sequences`, from the last element to the first if `is_reverse`.
/// `step` takes the state, one element of each sequence, and `outer`, values that are the same in
/// every step. Returns what the steps keep, stacked in the order of the sequences.
///
/// It is one node, `Scan`, whatever the number of steps.
pub(super) fn scan(
    state: &[Value],
    sequences: &[Value],
    outer: &[Value],
    is_reverse: bool,
    step: impl FnOnce(&[Value], &[Value], &[Value]) -> Step,
) -> Result<Vec<Value>, RuleError> {
    let builder = state[0].builder();
    let label = builder.fresh("scan");
    let body = Builder::default();
    body.set_scope(label.clone());
    let declare = |value: &Value, shape: &[usize], name: &str| {
        body.input(&body.fresh(name), value.element(), shape)
    };
    let given: Vec<Value> =
        state.iter().map(|value| declare(value, value.shape(), "state")).collect();
    let elements: Vec<Value> =
        sequences.iter().map(|value| declare(value, &value.shape()[1..], "element")).collect();
    let named = |value: &Value| body.named(value.name(), value.element(), value.shape());
    let outer: Vec<Value> = outer.iter().map(named).collect();
    let Step { state: next, kept } = step(&given, &elements, &outer);
    for value in next.iter().chain(&kept) {
        body.output(&body.fresh("result"), value);
    }
    let steps = sequences[0].shape()[0];
    let stacked = kept.iter().map(|value| {
        let shape = [&[steps], value.shape()].concat();
        (value.element(), shape)
    });
    let last = next.iter().map(|value| (value.element(), value.shape().to_vec()));
    let outputs: Vec<_> = last.chain(stacked).collect();
    let graph = body.finish(&label).map_err(|error| RuleError(error.to_string()))?;
    let direction = i64::from(is_reverse);
    let attributes = [
        ("body", Attribute::Graph(Box::new(graph.graph().clone()))),
        ("num_scan_inputs", Attribute::Int(sequences.len() as i64)),
        ("scan_input_directions", Attribute::Ints(vec![direction; sequences.len()])),
        ("scan_output_directions", Attribute::Ints(vec![direction; kept.len()])),
    ];
    let inputs: Vec<&Value> = state.iter().chain(sequences).collect();
    let mut results = builder.nodes("Scan", &inputs, &attributes, &outputs);
    Ok(results.split_off(next.len()))
}
