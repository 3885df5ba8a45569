use ndarray::ArrayD;

use super::{
    CancellationToken, Graph, HeldBytes, Network, OutputSet, Plan, RuntimeError, Values,
    tensor_input,
};
use crate::onnx::{self, Topology};

/// A forward pass that gives certain values, compiled once and run for many inputs. The network's
/// own plan computes what it has. What that plan fuses away comes from a second one.
#[derive(Debug)]
pub struct ForwardPass {
    input: String,
    plan: Plan,
    completion: Option<Completion>,
}

/// A plan that computes values that a forward pass fuses away, from values that it gives.
#[derive(Debug)]
pub(super) struct Completion {
    plan: Plan,
    inputs: Vec<String>,
    /// The memory that the plan takes in addition to the network, in bytes.
    bytes: usize,
}

impl HeldBytes for ForwardPass {
    fn held_bytes(&self) -> usize {
        self.completion.as_ref().map_or(0, |completion| completion.bytes)
    }
}

impl ForwardPass {
    pub(super) fn compile(network: &Network, wanted: &[String]) -> Result<Self, RuntimeError> {
        let input = network.input_name().to_owned();
        let given = network.plan(OutputSet::Layers);
        let is_known = |name: &str| given.gives(name) || name == input;
        let (known, missing): (Vec<String>, Vec<String>) =
            wanted.iter().cloned().partition(|name| is_known(name));
        let completion = Completion::compile(network, is_known, &missing)?;
        let read = completion.iter().flat_map(|completion| &completion.inputs);
        let mut outputs: Vec<String> = known.iter().chain(read).cloned().collect();
        outputs.retain(|name| *name != input);
        outputs.sort_unstable();
        outputs.dedup();
        Ok(Self { plan: given.pruned(&outputs)?, completion, input })
    }

    /// Runs the network on `tensor`, which has the shape of its input.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn run(
        &self,
        tensor: ArrayD<f32>,
        token: &CancellationToken,
    ) -> Result<Values, RuntimeError> {
        let tensor = tensor_input(tensor);
        let mut values = self.plan.run(vec![tensor.clone()], token)?;
        values.insert(&self.input, tensor);
        if let Some(completion) = &self.completion {
            values.extend(completion.run(&values, token)?);
        }
        Ok(values)
    }
}

impl Completion {
    /// A plan for `wanted`, where there is anything to compute. `is_known` says which values a
    /// forward pass gives.
    pub(super) fn compile(
        network: &Network,
        is_known: impl Fn(&str) -> bool,
        wanted: &[String],
    ) -> Result<Option<Self>, RuntimeError> {
        if wanted.is_empty() {
            return Ok(None);
        }
        let (graph, facts) = (network.graph(), network.facts());
        let topology = Topology::of(graph)?;
        let part = onnx::subgraph(graph, &topology, facts, is_known, wanted)?;
        let inputs: Vec<String> = part.inputs().iter().map(|input| input.name.clone()).collect();
        let shape = |name: &String| facts.shape(name).map(<[usize]>::to_vec).unwrap_or_default();
        let shapes: Vec<Vec<usize>> = inputs.iter().map(shape).collect();
        let weights = network.weights();
        let part = part.with_initializers_as_inputs(|name| weights.contains(name));
        let graph = Graph::read_with(&part, &shapes, weights)?;
        let plan = graph.compile(wanted, network.engine())?;
        let bytes = network.additional_bytes(&plan);
        Ok(Some(Self { plan, inputs, bytes }))
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
