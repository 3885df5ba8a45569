//! Which layers can be explained, found once when a model is loaded.

use std::collections::HashMap;

use super::supplied_gradient::gives;
use crate::gradient::{GradientModel, Rules, derive};
use crate::onnx::{Facts, Layer, Model};

/// Why a layer's map cannot be laid over a picture. None where it can.
pub(super) fn lacks_positions(layer: &Layer) -> Option<String> {
    match layer.extents() {
        Some(_) if layer.has_positions() => None,
        Some(_) => Some("it has a single position, so its map would be uniform".to_owned()),
        None => Some("it has no height and width".to_owned()),
    }
}

/// The layers that cannot be explained, by name, each with the reason. `supplied` has gradients
/// that need not be derived.
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
