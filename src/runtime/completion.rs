use super::{CancellationToken, Engine, Graph, Plan, RuntimeError, SharedWeights, Values};
use crate::onnx::{self, Facts, Topology};

/// A plan that computes values that a forward pass fuses away, from values that it gives.
#[derive(Debug)]
pub(super) struct Completion {
    plan: Plan,
    inputs: Vec<String>,
}

impl Completion {
    /// A plan for `wanted`, where there is anything to compute. `graph` is without the data of
    /// `weights`. `is_known` says which values a forward pass gives.
    pub(super) fn compile(
        graph: &onnx::Model,
        facts: &Facts,
        weights: &SharedWeights,
        is_known: impl Fn(&str) -> bool,
        wanted: &[String],
        engine: &Engine,
    ) -> Result<Option<Self>, RuntimeError> {
        if wanted.is_empty() {
            return Ok(None);
        }
        let topology = Topology::of(graph)?;
        let part = onnx::subgraph(graph, &topology, facts, is_known, wanted)?;
        let inputs: Vec<String> = part.inputs().iter().map(|input| input.name.clone()).collect();
        let shape = |name: &String| facts.shape(name).map(<[usize]>::to_vec).unwrap_or_default();
        let shapes: Vec<Vec<usize>> = inputs.iter().map(shape).collect();
        let part = part.with_initializers_as_inputs(|name| weights.contains(name));
        let graph = Graph::read_with(&part, &shapes, weights)?;
        let plan = graph.compile(wanted, engine)?;
        Ok(Some(Self { plan, inputs }))
    }

    /// The values that the plan reads.
    pub(super) fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// The plan.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Computes the values from those of a forward pass.
    pub(super) fn run(
        &self,
        values: &Values,
        token: &CancellationToken,
    ) -> Result<Values, RuntimeError> {
        let inputs = self.inputs.iter().map(|name| values.handle(name));
        self.plan.run(inputs.collect::<Result<_, _>>()?, token)
    }
}
