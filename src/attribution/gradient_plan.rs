use ndarray::{Array3, ArrayD, Axis, Ix3};

use super::cam::channel_sums;
use super::compiled_gradient::CompiledGradient;
use super::error::unexpected_shape;
use super::{AttributionError, BiasGradient, FullGradient};
use crate::config::Layout;
use crate::gradient::{
    GradientModel, Reference, Rules, bias_product_name, biased_value_name, channel_sums_name,
    cotangent_name, has_homogeneous_activations,
};
use crate::onnx::{Grid, Grids, Kind, Layer, Topology};
use crate::runtime::{CancellationToken, HeldBytes, Network, RuntimeError, ValueHandle, Values};

/// A compiled gradient graph. It carries a cotangent of the logits back to a layer.
#[derive(Debug)]
pub struct GradientPlan {
    compiled: CompiledGradient,
    layer: Layer,
    /// The outputs of the operators whose bias products the plan gives.
    biased: Vec<Layer>,
    is_input_x_gradient: bool,
}

impl HeldBytes for GradientPlan {
    fn held_bytes(&self) -> usize {
        self.compiled.held_bytes()
    }
}

impl GradientPlan {
    /// Compiles a gradient graph of `network` that gives the cotangent of `layer` or its sums, and
    /// the bias products where the graph has them.
    /// The graph may take large weights of `network` as inputs. `logits` is the value whose
    /// cotangent comes in.
    pub(super) fn compile(
        network: &Network,
        gradient: &GradientModel,
        layer: &Layer,
        logits: &str,
        rules: &Rules,
    ) -> Result<Self, RuntimeError> {
        let outputs: Vec<&String> =
            gradient.model.outputs().iter().map(|output| &output.name).collect();
        let biased = outputs.iter().filter_map(|name| biased_value_name(name));
        let biased = biased_layers(network, &biased.collect::<Vec<_>>(), layer.grid, logits)?;
        let own = [channel_sums_name(&layer.value), cotangent_name(&layer.value)];
        let is_wanted = |name: &String| own.contains(name) || biased_value_name(name).is_some();
        let wanted: Vec<String> =
            outputs.into_iter().filter(|name| is_wanted(name)).cloned().collect();
        let compiled = CompiledGradient::compile(network, gradient, &wanted, logits)?;
        let (graph, facts) = (network.graph(), network.facts());
        let is_input_x_gradient = rules.is_gradient_if_homogeneous
            && has_homogeneous_activations(graph, facts, &layer.value, logits).unwrap_or(false);
        Ok(Self { compiled, layer: layer.clone(), biased, is_input_x_gradient })
    }

    /// The forward values that the plan reads.
    #[must_use]
    pub fn residuals(&self) -> &[String] {
        self.compiled.residuals()
    }

    /// Whether the cotangent of the layer is its value times its gradient, whatever the picture is,
    /// if the rules are other than those of the gradient.
    pub(super) fn is_input_x_gradient(&self) -> bool {
        self.is_input_x_gradient
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
        let inputs = self.inputs(cotangent, values, &[])?;
        if !self.compiled.gives(&name) {
            return Ok(channel_sums(self.gradient(inputs, token)?.view()));
        }
        let computed = self.compiled.run(inputs, token)?;
        let rows = computed.view(&name)?.insert_axis(Axis(2)).into_dimensionality::<Ix3>();
        Ok(channel_sums(rows.map_err(|_| unexpected_shape(&self.layer))?))
    }

    /// The layer's cotangent, channels × height × width. `inputs` are those of
    /// [`inputs`](Self::inputs).
    pub(super) fn gradient(
        &self,
        inputs: Vec<ValueHandle>,
        token: &CancellationToken,
    ) -> Result<Array3<f32>, AttributionError> {
        let mut computed = self.compiled.run(inputs, token)?;
        self.layers_cotangent(&mut computed)
    }

    /// The layer's cotangent, and the products of biases and their cotangents. `inputs` are those
    /// of [`inputs`](Self::inputs).
    pub(super) fn full_gradient(
        &self,
        inputs: Vec<ValueHandle>,
        token: &CancellationToken,
    ) -> Result<FullGradient, AttributionError> {
        let mut computed = self.compiled.run(inputs, token)?;
        let input = self.layers_cotangent(&mut computed)?;
        let bias = |layer: &Layer| {
            let products = computed.take(&bias_product_name(&layer.value))?;
            let (has_positions, elements) = (layer.has_positions(), products.len());
            let products = if has_positions {
                layer.channels(products)
            } else {
                products.into_shape_with_order((1, 1, elements)).ok()
            };
            let products = products.ok_or_else(|| unexpected_shape(layer))?;
            Ok(BiasGradient { products, has_positions })
        };
        let biases = self.biased.iter().map(bias).collect::<Result<_, AttributionError>>()?;
        Ok(FullGradient { input, biases })
    }

    /// The layer's cotangent in the shape of its value. `inputs` are those of
    /// [`inputs`](Self::inputs).
    pub(super) fn whole_gradient(
        &self,
        inputs: Vec<ValueHandle>,
        token: &CancellationToken,
    ) -> Result<ArrayD<f32>, AttributionError> {
        let mut computed = self.compiled.run(inputs, token)?;
        Ok(computed.take(&cotangent_name(&self.layer.value))?)
    }

    fn layers_cotangent(&self, computed: &mut Values) -> Result<Array3<f32>, AttributionError> {
        let gradient = computed.take(&cotangent_name(&self.layer.value))?;
        self.layer.channels(gradient).ok_or_else(|| unexpected_shape(&self.layer))
    }

    /// What a run reads: `cotangent` of the logits, `values` of the forward pass, and those at the
    /// rules' references. A run frees each after its last use, unless someone else holds it.
    pub(super) fn inputs(
        &self,
        cotangent: &[f32],
        values: &Values,
        at_references: &[(Reference, Values)],
    ) -> Result<Vec<ValueHandle>, AttributionError> {
        self.compiled.inputs(cotangent, values, at_references)
    }
}

/// The values called `names` as layers, with the grids that follow from the graph. `grid` is that
/// of the network's input.
fn biased_layers(
    network: &Network,
    names: &[&str],
    grid: Option<Grid>,
    logits: &str,
) -> Result<Vec<Layer>, RuntimeError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (graph, facts) = (network.graph(), network.facts());
    let input = if grid == Some(Grid::Nhwc) { Layout::Nhwc } else { Layout::Nchw };
    let grids = Grids::of(graph, &Topology::of(graph)?, facts, input, logits);
    let layer = |value: &&str| {
        let shape = facts.shape(value).map(<[usize]>::to_vec);
        Ok(Layer {
            value: (*value).to_owned(),
            module: None,
            kind: Kind::Value,
            shape: shape.ok_or_else(|| RuntimeError::NoSuchValue((*value).to_owned()))?,
            grid: grids.get(value),
            only_prefix_is_read: grids.only_prefix_is_read(value),
            parameters: 0,
        })
    };
    names.iter().map(layer).collect()
}
