use ndarray::ArrayD;

use super::completion::Completion;
use super::{
    CancellationToken, HeldBytes, Network, OutputSet, Plan, RuntimeError, Values, tensor_input,
};

/// A forward pass that gives certain values, compiled once and run for many inputs. The network's
/// own plan computes what it has. What that plan fuses away comes from a second one.
#[derive(Debug)]
pub struct ForwardPass {
    input: String,
    plan: Plan,
    completion: Option<Completion>,
    /// The memory that the plans take in addition to the network, in bytes.
    bytes: usize,
}

impl HeldBytes for ForwardPass {
    fn held_bytes(&self) -> usize {
        self.bytes
    }
}

impl ForwardPass {
    /// Compiles a forward pass of `network` that gives `wanted`.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn compile(network: &Network, wanted: &[String]) -> Result<Self, RuntimeError> {
        let input = network.input_name().to_owned();
        let given = network.plan(OutputSet::Layers);
        let is_known = |name: &str| given.gives(name) || name == input;
        let (known, missing): (Vec<String>, Vec<String>) =
            wanted.iter().cloned().partition(|name| is_known(name));
        let completion = network.completion(is_known, &missing)?;
        let read = completion.iter().flat_map(|completion| completion.inputs());
        let mut outputs: Vec<String> = known.iter().chain(read).cloned().collect();
        outputs.retain(|name| *name != input);
        outputs.sort_unstable();
        outputs.dedup();
        let plans = completion.iter().map(|completion| network.additional_bytes(completion.plan()));
        let bytes = plans.sum();
        Ok(Self { plan: given.pruned(&outputs)?, completion, input, bytes })
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
