use ndarray::ArrayD;

use super::AttributionError;
use super::evaluator::not_prepared;
use crate::gradient::{GradientModel, Reference};
use crate::runtime::{
    self, CancellationToken, Graph, HeldBytes, Network, Plan, RuntimeError, ValueHandle, Values,
};

/// A gradient graph that the engine has compiled. It carries a cotangent of one value back to
/// others.
#[derive(Debug)]
pub(super) struct CompiledGradient {
    plan: Plan,
    residuals: Vec<String>,
    references: Vec<(Reference, String)>,
    seed_shape: Vec<usize>,
    /// The memory that the plan takes in addition to the network, in bytes.
    bytes: usize,
}

impl HeldBytes for CompiledGradient {
    fn held_bytes(&self) -> usize {
        self.bytes
    }
}

impl CompiledGradient {
    /// Compiles those of the outputs `wanted` that the gradient graph of `network` has. The graph
    /// may take large weights of `network` as inputs. `from` is the value whose cotangent comes in.
    pub(super) fn compile(
        network: &Network,
        gradient: &GradientModel,
        wanted: &[String],
        from: &str,
    ) -> Result<Self, RuntimeError> {
        let shape = |value: &str| {
            let shape = network.facts().shape(value).map(<[usize]>::to_vec);
            shape.ok_or_else(|| RuntimeError::NoSuchValue(value.to_owned()))
        };
        let seed_shape = shape(from)?;
        let mut shapes = vec![seed_shape.clone()];
        let references = gradient.references.iter().map(|(_, value)| value);
        for residual in gradient.residuals.iter().chain(references) {
            shapes.push(shape(residual)?);
        }
        let graph = Graph::read_with(&gradient.model, &shapes, network.weights())?;
        let outputs = gradient.model.outputs().iter().map(|output| output.name.clone());
        let outputs: Vec<String> = outputs.filter(|name| wanted.contains(name)).collect();
        let plan = graph.compile(&outputs, network.engine())?;
        let bytes = network.additional_bytes(&plan);
        let (residuals, references) = (gradient.residuals.clone(), gradient.references.clone());
        Ok(Self { plan, residuals, references, seed_shape, bytes })
    }

    /// The forward values that the plan reads.
    pub(super) fn residuals(&self) -> &[String] {
        &self.residuals
    }

    /// The forward values that the plan reads at references.
    pub(super) fn references(&self) -> &[(Reference, String)] {
        &self.references
    }

    /// Whether the plan gives the output called `name`.
    pub(super) fn gives(&self, name: &str) -> bool {
        self.plan.gives(name)
    }

    /// What a run reads: `cotangent`, `values` of the forward pass, and those at the rules'
    /// references. A run frees each after its last use, unless someone else holds it.
    pub(super) fn inputs(
        &self,
        cotangent: &[f32],
        values: &Values,
        at_references: &[(Reference, Values)],
    ) -> Result<Vec<ValueHandle>, AttributionError> {
        let seed = ArrayD::from_shape_vec(self.seed_shape.clone(), cotangent.to_vec());
        let seed = seed.map_err(|_| not_prepared("a cotangent of another shape"))?;
        let mut inputs = vec![runtime::tensor_input(seed)];
        for residual in &self.residuals {
            inputs.push(values.handle(residual)?);
        }
        for (reference, value) in &self.references {
            let at = at_references.iter().find(|(at, _)| at == reference);
            let unknown = || not_prepared(&reference.value_name(value));
            inputs.push(at.ok_or_else(unknown)?.1.handle(value)?);
        }
        Ok(inputs)
    }

    /// The outputs for `inputs`.
    pub(super) fn run(
        &self,
        inputs: Vec<ValueHandle>,
        token: &CancellationToken,
    ) -> Result<Values, AttributionError> {
        Ok(self.plan.run(inputs, token)?)
    }
}
