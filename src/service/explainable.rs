use std::collections::HashMap;
use std::sync::Arc;

use super::backward::{Backward, given};
use super::{Classifier, ServiceError, Stages};
use crate::config::Layout;
use crate::gradient::{self, Derived, Gradient, GradientError, cotangent_name};
use crate::onnx::{Facts, Layer, Model};

impl Classifier {
    /// The gradient graph from the logits to each of `layers`: the one beside the model where it
    /// has them all, else derived. The model's weights are read again for it.
    ///
    /// # Errors
    /// [`ServiceError::NotExplainable`], and [`ServiceError::Internal`] where the model's files
    /// cannot be read any more.
    pub fn gradient(&self, layers: &[&str]) -> Result<Gradient, ServiceError> {
        if let Some(given) = self.given(layers)? {
            return Ok(given);
        }
        let derived = gradient::derive(self.graph(), self.facts(), layers, &self.head().logits);
        self.embed(derived, layers, |_| false)
    }

    /// The gradient graph beside the model, where it has all of `layers`.
    fn given(&self, layers: &[&str]) -> Result<Option<Gradient>, ServiceError> {
        let logits = &self.head().logits;
        let given = given(self.source(), self.facts(), logits).map_err(ServiceError::Internal)?;
        let has_all = |given: &Gradient| layers.iter().all(|layer| gives(given, layer));
        Ok(given.filter(has_all))
    }

    /// Puts the weights into a gradient graph that was derived for `layers`; those for which
    /// `is_held` become inputs of it.
    fn embed(
        &self,
        derived: Result<Derived, GradientError>,
        layers: &[&str],
        is_held: impl Fn(&str) -> bool,
    ) -> Result<Gradient, ServiceError> {
        let refuse =
            |error| self.not_explainable(layers.first().copied().unwrap_or_default(), &error);
        let derived = derived.map_err(refuse)?;
        let tensors = self.tensors(derived.weights(&is_held))?;
        derived.embed(tensors, is_held).map_err(refuse)
    }

    /// The compiled gradient graph for `layer`, from memory where it was asked for lately.
    pub(super) fn backward(&self, layer: &Layer) -> Result<Arc<Backward>, ServiceError> {
        let name = layer.name.as_str();
        self.backwards().get_or_make(name, || {
            let mut stages = Stages::start();
            let weights = self.weights();
            let gradient = match self.given(&[name])? {
                Some(given) => given,
                None => {
                    let logits = &self.head().logits;
                    let (model, facts) = (self.graph(), self.facts());
                    let derived = derive_sums(model, facts, name, layer.layout, logits);
                    self.embed(derived, &[name], |name| weights.contains(name))?
                }
            };
            stages.end("derive");
            let backward = Backward::compile(self, &gradient, layer, &weights)?;
            stages.end("compile");
            tracing::info!(model = self.name(), layer = name, %stages, "gradient graph ready");
            Ok(backward)
        })
    }

    /// The layer that Grad-CAM explains: the one named, else the card's or the last that can be.
    ///
    /// # Errors
    /// [`ServiceError::UnknownLayer`], and [`ServiceError::NotExplainable`] for one without height
    /// and width.
    pub fn explained_layer(&self, name: Option<&str>) -> Result<Layer, ServiceError> {
        let Some(name) = name.or(self.settings().gradcam.as_deref()) else {
            return Err(ServiceError::NotExplainable {
                layer: String::new(),
                reason: "the model has no layer with height and width".to_owned(),
                usable: Vec::new(),
            });
        };
        let layer = self.layer(name)?;
        match no_picture(&layer) {
            None => Ok(layer),
            Some(reason) => Err(ServiceError::NotExplainable {
                layer: layer.name,
                reason,
                usable: self.usable(),
            }),
        }
    }

    /// The names of the layers that can be explained.
    fn usable(&self) -> Vec<String> {
        let can = |layer: &&Layer| self.refusal(&layer.name).is_none();
        self.layers().iter().filter(can).map(|layer| layer.name.clone()).collect()
    }

    fn not_explainable(&self, layer: &str, error: &GradientError) -> ServiceError {
        ServiceError::NotExplainable {
            layer: layer.to_owned(),
            reason: error.to_string(),
            usable: self.usable(),
        }
    }
}

/// Derives what Grad-CAM wants of the gradient: the sums of `layer`'s over all positions.
pub(super) fn derive_sums(
    model: &Model,
    facts: &Facts,
    layer: &str,
    layout: Option<Layout>,
    logits: &str,
) -> Result<Derived, GradientError> {
    let axis = layout.unwrap_or(Layout::Nchw).channel_axis();
    gradient::derive_sums(model, facts, layer, axis, logits)
}

/// Why a layer has nothing to lay over a picture.
fn no_picture(layer: &Layer) -> Option<String> {
    match layer.spatial() {
        Some(_) if layer.is_picture() => None,
        Some(_) => Some("it has a single position, so it says nothing about where".to_owned()),
        None => Some("it has no height and width".to_owned()),
    }
}

/// Why each layer that cannot be explained cannot be, by name. `given` has gradients that need not
/// be derived.
///
/// One derivation for all layers tells that all can be explained; only where that fails is each
/// asked alone.
pub(super) fn refusals(
    model: &Model,
    facts: &Facts,
    layers: &[Layer],
    logits: &str,
    given: Option<&Gradient>,
) -> HashMap<String, String> {
    let mut refusals = HashMap::new();
    let mut candidates: Vec<&str> = Vec::new();
    for layer in layers {
        match no_picture(layer) {
            Some(reason) => {
                refusals.insert(layer.name.clone(), reason);
            }
            None if given.is_some_and(|given| gives(given, &layer.name)) => {}
            None => candidates.push(&layer.name),
        }
    }
    if gradient::derive(model, facts, &candidates, logits).is_ok() {
        return refusals;
    }
    for layer in candidates {
        if let Err(error) = gradient::derive(model, facts, &[layer], logits) {
            refusals.insert(layer.to_owned(), error.to_string());
        }
    }
    refusals
}

/// Whether the gradient graph has the cotangent of `layer`.
pub(super) fn gives(gradient: &Gradient, layer: &str) -> bool {
    let name = cotangent_name(layer);
    gradient.model.outputs().iter().any(|output| output.name == name)
}
