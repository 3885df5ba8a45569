//! A graph's bytes: the gradient graph is derived, decodes again and has what it promises, or is refused.

#![no_main]

use convscope::gradient::derive;
use convscope::onnx::{Element, Fact, Facts, Model};
use libfuzzer_sys::fuzz_target;

/// Every value has this shape: no engine is asked, so that the rules meet shapes that cannot be.
fn facts(model: &Model, shape: &[usize]) -> Facts {
    let mut facts = Facts::default();
    let nodes = model.graph().node.iter().flat_map(|node| node.output.iter().chain(&node.input));
    for name in nodes.chain(model.inputs().iter().map(|input| &input.name)) {
        let fact = Fact { element: Element::F32, shape: shape.to_vec(), constant: None };
        facts.insert(name, fact);
    }
    facts
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&rank, bytes)) = bytes.split_first() else { return };
    let Ok(model) = Model::decode(bytes) else { return };
    let shape = &[1, 3, 8, 8][..usize::from(rank % 5)];
    let facts = facts(&model, shape);
    let outputs = model.outputs();
    let Some(logits) = outputs.first().map(|output| output.name.clone()) else { return };
    for node in model.graph().node.iter().take(4) {
        let Some(layer) = node.output.first() else { continue };
        if let Ok(derived) = derive(&model, &facts, &[layer], &logits) {
            let embedded = derived.embed(model.clone());
            if let Ok(gradient) = embedded {
                Model::decode(&gradient.model.encode()).unwrap();
            }
        }
    }
});
