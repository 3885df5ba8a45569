use ndarray::{Array3, ArrayD, Axis, Ix3};

use super::AttributionError;
use super::cam::channel_sums;
use super::compiled_gradient::CompiledGradient;
use super::error::unexpected_shape;
use crate::gradient::{
    GradientModel, Reference, channel_sums_name, cotangent_name, has_homogeneous_activations,
};
use crate::onnx::Layer;
use crate::runtime::{CancellationToken, HeldBytes, Network, RuntimeError, Values};

/// A compiled gradient graph. It carries a cotangent of the logits back to a layer.
#[derive(Debug)]
pub struct GradientPlan {
    compiled: CompiledGradient,
    layer: Layer,
    has_homogeneous_activations: bool,
}

impl HeldBytes for GradientPlan {
    fn held_bytes(&self) -> usize {
        self.compiled.held_bytes()
    }
}

impl GradientPlan {
    /// Compiles a gradient graph of `network` that gives the cotangent of `layer` or its sums.
    /// The graph may take large weights of `network` as inputs. `logits` is the value whose
    /// cotangent comes in.
    pub(super) fn compile(
        network: &Network,
        gradient: &GradientModel,
        layer: &Layer,
        logits: &str,
    ) -> Result<Self, RuntimeError> {
        let wanted = [channel_sums_name(&layer.value), cotangent_name(&layer.value)];
        let compiled = CompiledGradient::compile(network, gradient, &wanted, logits)?;
        let (graph, facts) = (network.graph(), network.facts());
        let homogeneous = has_homogeneous_activations(graph, facts, &layer.value, logits);
        let has_homogeneous_activations = homogeneous.unwrap_or(false);
        Ok(Self { compiled, layer: layer.clone(), has_homogeneous_activations })
    }

    /// The forward values that the plan reads.
    #[must_use]
    pub fn residuals(&self) -> &[String] {
        self.compiled.residuals()
    }

    /// Whether f(ax) = a·f(x) for a > 0 holds for every activation between the layer and the
    /// logits.
    pub(super) fn has_homogeneous_activations(&self) -> bool {
        self.has_homogeneous_activations
    }

    /// The forward values that the plan reads at references, each once.
    pub(super) fn reference_values(&self) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for (_, value) in self.compiled.references() {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        values
    }

    /// Carries `cotangent` of the logits back: the sums of the layer's cotangent over all
    /// positions, one for each channel. `values` are those of the forward pass.
    pub(super) fn channel_sums(
        &self,
        cotangent: &[f32],
        values: &Values,
        token: &CancellationToken,
    ) -> Result<Vec<f64>, AttributionError> {
        let name = channel_sums_name(&self.layer.value);
        if !self.compiled.gives(&name) {
            return Ok(channel_sums(self.gradient(cotangent, values, &[], token)?.view()));
        }
        let computed = self.compiled.run(cotangent, values, &[], token)?;
        let rows = computed.view(&name)?.insert_axis(Axis(2)).into_dimensionality::<Ix3>();
        Ok(channel_sums(rows.map_err(|_| unexpected_shape(&self.layer))?))
    }

    /// Carries `cotangent` of the logits back: the layer's cotangent, channels × height × width.
    /// `values` are those of the forward pass, `at_references` those at the rules' references.
    pub(super) fn gradient(
        &self,
        cotangent: &[f32],
        values: &Values,
        at_references: &[(Reference, Values)],
        token: &CancellationToken,
    ) -> Result<Array3<f32>, AttributionError> {
        let gradient = self.whole_gradient(cotangent, values, at_references, token)?;
        self.layer.channels(gradient).ok_or_else(|| unexpected_shape(&self.layer))
    }

    /// As [`gradient`](Self::gradient), in the shape of the layer's value.
    pub(super) fn whole_gradient(
        &self,
        cotangent: &[f32],
        values: &Values,
        at_references: &[(Reference, Values)],
        token: &CancellationToken,
    ) -> Result<ArrayD<f32>, AttributionError> {
        let mut computed = self.compiled.run(cotangent, values, at_references, token)?;
        Ok(computed.take(&cotangent_name(&self.layer.value))?)
    }
}
