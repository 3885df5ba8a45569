use super::listing::layers;
use super::{Attentions, Facts, Grids, Head, Layer, LayerNames, Model, Topology};
use crate::config::Layout;

/// What a graph tells of its values.
#[derive(Debug, Clone)]
pub struct Structure {
    /// Where the logits are and what follows them.
    pub head: Head,
    /// Where in the picture the elements of each value stand.
    pub grids: Grids,
    /// The names of values by their modules.
    pub names: LayerNames,
    /// The layers in the order of evaluation.
    pub layers: Vec<Layer>,
    /// The attentions between tokens.
    pub attentions: Attentions,
}

impl Structure {
    /// That of `model`, whose picture input has the layout `input`.
    #[must_use]
    pub fn of(
        model: &Model,
        topology: &Topology,
        facts: &Facts,
        input: Layout,
        head: Head,
    ) -> Self {
        let grids = Grids::of(model, topology, facts, input, &head.logits);
        let names = LayerNames::of(model, topology);
        let layers = layers(model, topology, &names, &grids, facts);
        let attentions =
            Attentions::of(model, topology, facts, &grids, &names, &layers, &head.logits);
        Self { head, grids, names, layers, attentions }
    }
}
