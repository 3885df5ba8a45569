use std::collections::HashSet;

use super::{Engine, Graph, Plan, RuntimeError, SharedWeights};

/// Which values of the forward pass a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OutputSet {
    /// The scores, and what Grad-CAM at the default layer reads. These take little memory.
    Scores,
    /// The same values and every listed layer.
    Layers,
}

/// The compiled forward pass, once for each [`OutputSet`]. Both plans hold the same weights.
#[derive(Debug)]
pub(super) struct ForwardPlans {
    scores: Plan,
    layers: Plan,
}

impl ForwardPlans {
    /// Compiles `graph`, whose weights are `weights`. `scores` are the values of
    /// [`OutputSet::Scores`], `layers` the further values of [`OutputSet::Layers`].
    pub(super) fn compile(
        graph: Graph,
        scores: &[String],
        layers: &[String],
        weights: &mut SharedWeights,
        engine: &Engine,
    ) -> Result<Self, RuntimeError> {
        let mut known = HashSet::new();
        let outputs = layers.iter().chain(scores).filter(|name| known.insert(*name)).cloned();
        let layers = graph.compile_sharing(&outputs.collect::<Vec<_>>(), weights, engine)?;
        Ok(Self { scores: layers.pruned(scores)?, layers })
    }

    pub(super) fn plan(&self, outputs: OutputSet) -> &Plan {
        match outputs {
            OutputSet::Scores => &self.scores,
            OutputSet::Layers => &self.layers,
        }
    }

    /// The smallest set with all of `needed`. [`OutputSet::Layers`] where no set has them all.
    pub(super) fn output_set<'n>(&self, mut needed: impl Iterator<Item = &'n String>) -> OutputSet {
        match needed.all(|name| self.scores.gives(name)) {
            true => OutputSet::Scores,
            false => OutputSet::Layers,
        }
    }
}
