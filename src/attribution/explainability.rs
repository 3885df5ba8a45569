//! Which layers can be explained, found once when a model is loaded.

use std::collections::HashMap;

use super::supplied_gradient::{self, gives};
use crate::gradient::{
    GradientError, GradientGraph, GradientModel, Rules, derive, derive_channel_sums,
};
use crate::onnx::{Facts, Grid, Layer, Model};
use crate::runtime::Source;

/// Which layers of a model can be explained, found before the model is compiled.
#[derive(Debug, Default)]
pub struct Explainability {
    pub(super) refusals: HashMap<String, String>,
    pub(super) supplied: Option<GradientModel>,
}

impl Explainability {
    /// Finds out which of `layers` can be explained. A `gradient.onnx` beside the model is read and
    /// checked.
    ///
    /// # Errors
    /// What is wrong with `gradient.onnx`, in words.
    pub fn find(
        source: &Source,
        model: &Model,
        facts: &Facts,
        layers: &[Layer],
        logits: &str,
    ) -> Result<Self, String> {
        let supplied = supplied_gradient::read(source, facts, logits)?;
        let refusals = refusals(model, facts, layers, logits, supplied.as_ref());
        Ok(Self { refusals, supplied })
    }

    /// Why the layer called `name` cannot be explained. None where it can.
    #[must_use]
    pub fn refusal(&self, name: &str) -> Option<&str> {
        self.refusals.get(name).map(String::as_str)
    }

    /// The forward values that Grad-CAM at `layer` reads. None where it cannot be explained.
    #[must_use]
    pub fn residuals(
        &self,
        model: &Model,
        facts: &Facts,
        layer: &str,
        grid: Option<Grid>,
        logits: &str,
    ) -> Option<Vec<String>> {
        let supplied = self.supplied.as_ref();
        if let Some(supplied) = supplied.filter(|it| supplied_gradient::gives(it, &[layer])) {
            return Some(supplied.residuals.clone());
        }
        let derived = channel_sums_of(model, facts, layer, grid, logits, Rules::GRADIENT).ok()?;
        Some(derived.residuals().to_vec())
    }
}

/// Why a layer's map cannot be laid over a picture. None where it can.
pub(super) fn lacks_positions(layer: &Layer) -> Option<String> {
    match layer.extents() {
        Some(_) if layer.only_prefix_is_read => Some(
            "behind it only the class token is read, so its gradient at the patches is zero; name \
             a layer before the last attention"
                .to_owned(),
        ),
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
        let name = layer.value.as_str();
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

/// Derives the channel sums of a value's gradient. `grid` gives the axis of its channels.
pub(super) fn channel_sums_of(
    model: &Model,
    facts: &Facts,
    value: &str,
    grid: Option<Grid>,
    logits: &str,
    rules: &Rules,
) -> Result<GradientGraph, GradientError> {
    match grid.unwrap_or(Grid::Nchw) {
        // The sums over tokens would have those of the prefix in them.
        Grid::Tokens { .. } => derive(model, facts, &[value], logits, rules),
        grid => {
            let rank = facts.shape(value).map_or(0, <[usize]>::len);
            derive_channel_sums(model, facts, value, grid.channel_axis(rank), logits, rules)
        }
    }
}
