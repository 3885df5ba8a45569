use ndarray::{Array3, ArrayD, Axis, Ix3};

use super::cam::channel_sums;
use super::error::unexpected_shape;
use super::evaluator::not_prepared;
use super::{AttributionError, BiasGradient, FullGradient};
use crate::config::Layout;
use crate::gradient::{
    GradientModel, Reference, Rules, bias_product_name, biased_value_name, channel_sums_name,
    cotangent_name, has_homogeneous_activations,
};
use crate::onnx::{Grid, Kind, Layer, Layouts, Topology};
use crate::runtime::{
    self, CancellationToken, Graph, HeldBytes, Network, Plan, RuntimeError, ValueHandle, Values,
};

/// A compiled gradient graph. It carries a cotangent of the logits back to a layer.
#[derive(Debug)]
pub struct GradientPlan {
    plan: Plan,
    layer: Layer,
    /// The outputs of the operators whose bias products the plan gives.
    biased: Vec<Layer>,
    residuals: Vec<String>,
    references: Vec<(Reference, String)>,
    seed_shape: Vec<usize>,
    is_input_x_gradient: bool,
    /// The memory that the plan takes in addition to the network, in bytes.
    bytes: usize,
}

impl HeldBytes for GradientPlan {
    fn held_bytes(&self) -> usize {
        self.bytes
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
        let shape = |value: &str| {
            let shape = network.facts().shape(value).map(<[usize]>::to_vec);
            shape.ok_or_else(|| RuntimeError::NoSuchValue(value.to_owned()))
        };
        let seed_shape = shape(logits)?;
        let mut shapes = vec![seed_shape.clone()];
        let references = gradient.references.iter().map(|(_, value)| value);
        for residual in gradient.residuals.iter().chain(references) {
            shapes.push(shape(residual)?);
        }
        let graph = Graph::read_with(&gradient.model, &shapes, network.weights())?;
        let outputs: Vec<&String> =
            gradient.model.outputs().iter().map(|output| &output.name).collect();
        let biased = outputs.iter().filter_map(|name| biased_value_name(name));
        let biased = biased_layers(network, &biased.collect::<Vec<_>>(), layer.grid)?;
        let wanted = [channel_sums_name(&layer.value), cotangent_name(&layer.value)];
        let is_wanted = |name: &String| wanted.contains(name) || biased_value_name(name).is_some();
        let outputs: Vec<String> =
            outputs.into_iter().filter(|name| is_wanted(name)).cloned().collect();
        let plan = graph.compile(&outputs, network.engine())?;
        let bytes = network.additional_bytes(&plan);
        let (residuals, references) = (gradient.residuals.clone(), gradient.references.clone());
        let (graph, facts) = (network.graph(), network.facts());
        let is_homogeneous = rules.is_gradient_if_homogeneous
            && has_homogeneous_activations(graph, facts, &layer.value, logits).unwrap_or(false);
        Ok(Self {
            plan,
            layer: layer.clone(),
            biased,
            residuals,
            references,
            seed_shape,
            is_input_x_gradient: is_homogeneous,
            bytes,
        })
    }

    /// The forward values that the plan reads.
    #[must_use]
    pub fn residuals(&self) -> &[String] {
        &self.residuals
    }

    /// Whether the cotangent of the layer is its value times its gradient, whatever the picture is,
    /// if the rules are other than those of the gradient.
    pub(super) fn is_input_x_gradient(&self) -> bool {
        self.is_input_x_gradient
    }

    /// The forward values that the plan reads at references, each once.
    pub(super) fn reference_values(&self) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for (_, value) in &self.references {
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
        if !self.plan.gives(&name) {
            return Ok(channel_sums(self.gradient(inputs, token)?.view()));
        }
        let computed = self.plan.run(inputs, token)?;
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
        let mut computed = self.plan.run(inputs, token)?;
        self.layers_cotangent(&mut computed)
    }

    /// The layer's cotangent, and the products of biases and their cotangents. `inputs` are those
    /// of [`inputs`](Self::inputs).
    pub(super) fn full_gradient(
        &self,
        inputs: Vec<ValueHandle>,
        token: &CancellationToken,
    ) -> Result<FullGradient, AttributionError> {
        let mut computed = self.plan.run(inputs, token)?;
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
        let seed = ArrayD::from_shape_vec(self.seed_shape.clone(), cotangent.to_vec());
        let mut inputs =
            vec![runtime::tensor_input(seed.map_err(|_| unexpected_shape(&self.layer))?)];
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
}

/// The values called `names` as layers, with the grids that follow from the graph. `grid` is that
/// of the network's input.
fn biased_layers(
    network: &Network,
    names: &[&str],
    grid: Option<Grid>,
) -> Result<Vec<Layer>, RuntimeError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (graph, facts) = (network.graph(), network.facts());
    let input = if grid == Some(Grid::Nhwc) { Layout::Nhwc } else { Layout::Nchw };
    let layouts = Layouts::of(graph, &Topology::of(graph)?, facts, input);
    let layer = |value: &&str| {
        let shape = facts.shape(value).map(<[usize]>::to_vec);
        Ok(Layer {
            value: (*value).to_owned(),
            module: None,
            kind: Kind::Value,
            shape: shape.ok_or_else(|| RuntimeError::NoSuchValue((*value).to_owned()))?,
            grid: layouts.get(value).map(Grid::from),
            parameters: 0,
        })
    };
    names.iter().map(layer).collect()
}
