//! Which layers can be explained, found once when a model is loaded.

use std::collections::HashMap;

use super::supplied_gradient::gives;
use crate::gradient::{GradientModel, Rules, derive};
use crate::onnx::{Facts, Layer, Model};

/// Why a layer's map would have nothing to lay over a picture. None where it has.
pub(super) fn lacks_positions(layer: &Layer) -> Option<String> {
    match layer.extents() {
        Some(_) if layer.has_positions() => None,
        Some(_) => Some("it has a single position, so it says nothing about where".to_owned()),
        None => Some("it has no height and width".to_owned()),
    }
}

/// Why each layer that cannot be explained cannot be, by name. `supplied` has gradients that need
/// not be derived.
///
/// One derivation for all layers shows that all can be explained. Each layer is derived alone only
/// where that fails.
pub(super) fn refusals(
    model: &Model,
    facts: &Facts,
    layers: &[Layer],
    logits: &str,
    supplied: Option<&GradientModel>,
) -> HashMap<String, String> {
    let mut refusals = HashMap::new();
    let mut candidates: Vec<&str> = Vec::new();
    for layer in layers {
        let name = layer.name.as_str();
        match lacks_positions(layer) {
            Some(reason) => {
                refusals.insert(name.to_owned(), reason);
            }
            None if supplied.is_some_and(|supplied| gives(supplied, &[name])) => {}
            None => candidates.push(name),
        }
    }
    let derive = |values: &[&str]| derive(model, facts, values, logits, Rules::GRADIENT);
    if derive(&candidates).is_ok() {
        return refusals;
    }
    for layer in candidates {
        if let Err(error) = derive(&[layer]) {
            refusals.insert(layer.to_owned(), error.to_string());
        }
    }
    refusals
}
