//! Derives the gradient graph by every set of rules, and the graph of channel sums, of an ONNX
//! model. Each derivation must be refused or give a graph that can be decoded and has one output.

#![no_main]

mod panics;

use std::panic::catch_unwind;

use convscope::gradient::rules::RULES;
use convscope::gradient::{Rules, derive, derive_channel_sums};
use convscope::onnx::pb::tensor_shape_proto::dimension::Value;
use convscope::onnx::pb::{ValueInfoProto, type_proto};
use convscope::onnx::{Facts, Model};
use convscope::runtime::Graph;
use libfuzzer_sys::fuzz_target;

/// The declared shape of an input. Dimensions that are unknown, negative, or 64 and more become 8.
fn shape(input: &ValueInfoProto) -> Option<Vec<usize>> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    let dims = &tensor.shape.as_ref()?.dim;
    let dim = |value: &Option<Value>| match value {
        Some(Value::DimValue(dim @ 0..64)) => *dim as usize,
        _ => 8,
    };
    Some(dims.iter().map(|dim_proto| dim(&dim_proto.value)).collect())
}

/// The facts that the engine has of a model. The engine panics at some files; the server refuses
/// these.
fn facts(model: &Model) -> Option<Facts> {
    let shapes: Option<Vec<_>> = model.inputs().into_iter().map(shape).collect();
    let read = || Graph::read(model, &shapes?).ok().map(|graph| graph.facts());
    let facts = catch_unwind(read).ok()??;
    facts.larger_than(1 << 20).is_none().then_some(facts)
}

fuzz_target!(init: panics::print_panics(), |bytes: &[u8]| {
    let Ok(model) = Model::decode(bytes) else { return };
    let Some(facts) = facts(&model) else { return };
    let outputs = model.outputs();
    let Some(logits) = outputs.first().map(|output| output.name.clone()) else { return };
    let inputs = model.inputs();
    let inputs = inputs.iter().map(|input| input.name.as_str());
    let values = model.graph().node.iter().filter_map(|node| node.output.first());
    for layer in inputs.take(1).chain(values.take(4).map(String::as_str)) {
        let whole = RULES.iter().map(|rules| derive(&model, &facts, &[layer], &logits, rules));
        let sums = derive_channel_sums(&model, &facts, layer, 1, &logits, Rules::GRADIENT);
        for derived in whole.chain([sums]).flatten() {
            let weights = model.tensors(&derived.weights(|_| false));
            if let Ok(gradient) = derived.embed(weights, |_| false) {
                let again = Model::decode(&gradient.model.encode()).unwrap();
                assert_eq!(again.outputs().len(), 1);
            }
        }
    }
});
