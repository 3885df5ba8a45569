use super::check::MAX_CLASSES;
use super::request::{ChosenMethod, Explain};
use crate::attribution::{Extents, Method};
use crate::onnx::Layer;

impl Explain {
    /// How many classes there will be at most.
    pub(in crate::service) fn most_classes(&self) -> usize {
        let all = self.classifier.info().settings().classes;
        (self.classes.len() + self.top).min(MAX_CLASSES).min(all)
    }

    /// Passes through the network: one forward, then each method's for each class and layer.
    pub(in crate::service) fn passes(&self, classes: usize) -> u64 {
        let passes = self.methods.iter().map(|chosen| self.passes_of(chosen));
        1 + classes as u64 * passes.sum::<u64>()
    }

    /// The most passes that one method takes for one class.
    pub(super) fn passes_of(&self, chosen: &ChosenMethod) -> u64 {
        let ChosenMethod { method, options } = chosen;
        let layers = self.layers_of(method);
        layers.map(|layer| method.all_passes(options, &self.extents(layer))).sum()
    }

    /// The layers at which a method gives a map. A method that reads no layer gives one map.
    pub(in crate::service) fn layers_of(
        &self,
        method: &Method,
    ) -> impl Iterator<Item = Option<&Layer>> {
        let layers = if method.reads_layer() { self.layers.as_slice() } else { &[] };
        let none = layers.is_empty().then_some(None);
        layers.iter().map(Some).chain(none)
    }

    /// The extents of a layer and of the network's input.
    pub(in crate::service) fn extents(&self, layer: Option<&Layer>) -> Extents {
        self.classifier.info().extents(layer)
    }
}
