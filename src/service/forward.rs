use crate::runtime::{Engine, Graph, Plan, RuntimeError};

/// How much of a network's values a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutputSet {
    /// The scores, and what Grad-CAM at the default layer reads: little to keep.
    Scores,
    /// Every listed layer as well.
    Layers,
}

/// The compiled forward pass, once for each [`OutputSet`]; the weights are shared.
#[derive(Debug)]
pub(super) struct Forward {
    explanation: Plan,
    layers: Plan,
}

impl Forward {
    /// Compiles `graph`; `layers` are the further values beside `explanation`.
    pub(super) fn compile(
        graph: Graph,
        explanation: &[String],
        layers: &[String],
        engine: &Engine,
    ) -> Result<Self, RuntimeError> {
        let mut outputs: Vec<String> = Vec::new();
        for name in layers.iter().chain(explanation) {
            if !outputs.contains(name) {
                outputs.push(name.clone());
            }
        }
        let layers = graph.compile(&outputs, engine)?;
        Ok(Self { explanation: layers.narrowed(explanation)?, layers })
    }

    pub(super) fn plan(&self, extent: OutputSet) -> &Plan {
        match extent {
            OutputSet::Scores => &self.explanation,
            OutputSet::Layers => &self.layers,
        }
    }

    /// The least extent with all of `needed` that any has.
    pub(super) fn extent<'n>(&self, mut needed: impl Iterator<Item = &'n String>) -> OutputSet {
        match needed.all(|name| self.explanation.gives(name)) {
            true => OutputSet::Scores,
            false => OutputSet::Layers,
        }
    }
}
