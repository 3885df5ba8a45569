use std::collections::HashSet;

use super::pb::{GraphProto, ModelProto, ValueInfoProto};
use super::{Facts, Model, OnnxError, Topology, value_info};

/// The part of `model` that computes `wanted` from known values, as a model of its own with the
/// weights of that part only. `is_known` says which values are known. Those that the part reads are
/// its inputs, under their own names.
///
/// # Errors
/// [`OnnxError::Undefined`] if a wanted value does not exist, [`OnnxError::Tensor`] if the shape of
/// an input or output is not known, [`OnnxError::NoGraph`] if nothing has to be computed.
pub fn subgraph(
    model: &Model,
    topology: &Topology,
    facts: &Facts,
    is_known: impl Fn(&str) -> bool,
    wanted: &[String],
) -> Result<Model, OnnxError> {
    let initializers: HashSet<&str> =
        model.graph().initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let mut nodes = HashSet::new();
    let mut weights = HashSet::new();
    let mut inputs = HashSet::new();
    let mut stack: Vec<&str> = wanted.iter().map(String::as_str).collect();
    while let Some(value) = stack.pop() {
        let producer = topology.producer_index(value);
        if initializers.contains(value) {
            weights.insert(value);
        } else if is_known(value) {
            inputs.insert(value);
        } else if let Some(index) = producer {
            if nodes.insert(index) {
                let read = topology.node(index).input.iter().map(String::as_str);
                stack.extend(read.filter(|name| !name.is_empty()));
            }
        } else {
            return Err(undefined(value));
        }
    }
    let mut inputs: Vec<&str> = inputs.into_iter().collect();
    inputs.sort_unstable();
    let graph = GraphProto {
        name: format!("{}/part", model.graph().name),
        node: topology
            .order()
            .iter()
            .filter(|index| nodes.contains(index))
            .map(|&index| topology.node(index).clone())
            .collect(),
        initializer: model
            .graph()
            .initializer
            .iter()
            .filter(|tensor| weights.contains(tensor.name.as_str()))
            .cloned()
            .collect(),
        input: inputs.iter().map(|name| declared(name, facts)).collect::<Result<_, _>>()?,
        output: wanted.iter().map(|name| declared(name, facts)).collect::<Result<_, _>>()?,
        ..GraphProto::default()
    };
    Model::from_proto(ModelProto {
        ir_version: model.proto().ir_version,
        opset_import: model.proto().opset_import.clone(),
        graph: Some(graph),
        ..ModelProto::default()
    })
}

fn undefined(value: &str) -> OnnxError {
    OnnxError::Undefined {
        node: String::new(),
        operator: "output".to_owned(),
        value: value.to_owned(),
    }
}

/// The declaration of a value whose type and shape are known.
fn declared(name: &str, facts: &Facts) -> Result<ValueInfoProto, OnnxError> {
    let fact = facts.get(name).ok_or_else(|| OnnxError::Tensor {
        name: name.to_owned(),
        reason: "its shape is not known".to_owned(),
    })?;
    Ok(value_info(name, fact.element, &fact.shape))
}
