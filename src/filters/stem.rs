use std::sync::Arc;

use ndarray::{Array3, ArrayD, ArrayView3, ArrayViewD, Axis};

use super::Objective;
use crate::attribution::{AttributionError, Explainability, Explainer, ValueGradient};
use crate::config::Layout;
use crate::gradient::{Rules, derive};
use crate::onnx::{self, Attentions, Grid, Kind, Layer, Topology};
use crate::runtime::{CancellationToken, ForwardOutputs, Graph, Network, RuntimeError};

/// The part of a network that computes one of its layers, for pictures of one size, with its
/// gradient at the picture.
#[derive(Debug)]
pub struct Stem {
    gradient: ValueGradient,
    input: Layer,
    /// The layer, with its shape for pictures of this size.
    layer: Layer,
}

/// Operators that are one number's activation. Before them the gradient is not yet zero.
const ACTIVATIONS: [&str; 4] = ["Clip", "LeakyRelu", "Relu", "Sigmoid"];

impl Stem {
    /// Cuts `network` at `layer` and compiles the part for pictures of `size`, height and width.
    /// With `before_activation` it ends before the layer's activation.
    ///
    /// # Errors
    /// [`AttributionError`]. [`AttributionError::Runtime`] where the part does not take this size.
    pub fn compile(
        network: &Network,
        input: &Layer,
        layer: &Layer,
        size: [usize; 2],
        before_activation: bool,
        token: &CancellationToken,
    ) -> Result<Self, AttributionError> {
        let (graph, facts, weights) = (network.graph(), network.facts(), network.weights());
        let topology = Topology::of(graph).map_err(RuntimeError::from)?;
        let producer = topology.producer(&layer.value);
        let activation = producer.filter(|node| ACTIVATIONS.contains(&node.op_type.as_str()));
        let value = match activation.and_then(|node| node.input.first()) {
            Some(before) if before_activation => before,
            _ => &layer.value,
        };
        let is_input = |name: &str| name == input.value;
        let part = onnx::subgraph(graph, &topology, facts, is_input, std::slice::from_ref(value));
        let part = part.map_err(RuntimeError::from)?;
        if part.inputs().is_empty() {
            let reason = "it does not depend on the picture".to_owned();
            return Err(AttributionError::NotExplainable {
                layer: layer.name().to_owned(),
                reason,
            });
        }
        let input = of_size(input, size);
        let read = part.clone().with_initializers_as_inputs(|name| weights.contains(name));
        let shapes = std::slice::from_ref(&input.shape);
        let graph = Graph::read_with(&read, shapes, weights)?;
        let facts = Arc::new(graph.facts());
        let derived = derive(&part, &facts, &[&input.value], value, Rules::GRADIENT);
        let derived = derived.map_err(|error| AttributionError::NotExplainable {
            layer: layer.name().to_owned(),
            reason: error.to_string(),
        })?;
        let shape = facts.shape(value).map(<[usize]>::to_vec).unwrap_or_default();
        let residuals = derived.residuals().iter().filter(|name| **name != input.value);
        let mut scores: Vec<String> = residuals.chain([value]).cloned().collect();
        scores.sort_unstable();
        scores.dedup();
        token.check()?;
        let outputs = ForwardOutputs { scores, layers: Vec::new() };
        let engine = network.engine();
        let (name, weights) = (network.name(), weights.clone());
        let stem =
            Network::compile(name, part, graph, weights, facts, &input.value, &outputs, engine)?;
        let explainability = Explainability::default();
        let explainer = Explainer::new(
            Arc::new(stem),
            input.clone(),
            value,
            explainability,
            Attentions::default(),
        );
        let gradient = ValueGradient::prepare(&explainer, value, token)?;
        let layer = Layer { shape, ..layer.clone() };
        Ok(Self { gradient, input, layer })
    }

    /// The number of channels: [`Layer::channel_count`] of the layer at this size.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.layer.channel_count()
    }

    /// The mean of a channel over its positions.
    #[must_use]
    pub fn channel<'a>(&'a self, channel: usize, token: &'a CancellationToken) -> Channel<'a> {
        Channel { stem: self, channel, token }
    }

    /// 1 / positions at every element of the channel, 0 elsewhere.
    fn cotangent(&self, channel: usize) -> Vec<f32> {
        let layer = &self.layer;
        let extents = layer.extents().unwrap_or([layer.channel_count(), 1, 1]);
        let positions = extents[1] * extents[2];
        let mut cotangent = ArrayD::zeros(layer.shape.clone());
        if layer.drawn_extents() == Some(extents)
            && let Some(mut channels) = layer.channels(cotangent.view_mut())
        {
            channels.index_axis_mut(Axis(0), channel).fill(1.0 / positions as f32);
            return cotangent.into_raw_vec_and_offset().0;
        }
        // A vector, or one position for each channel: nothing is permuted.
        let mut cotangent = cotangent.into_raw_vec_and_offset().0;
        cotangent[channel * positions..][..positions].fill(1.0 / positions as f32);
        cotangent
    }
}

/// The mean of one channel over its positions, as a function of the input.
#[derive(Debug)]
pub struct Channel<'a> {
    stem: &'a Stem,
    channel: usize,
    token: &'a CancellationToken,
}

impl Objective for Channel<'_> {
    fn at(&self, input: ArrayView3<'_, f32>) -> Result<(f64, Array3<f32>), AttributionError> {
        let mut tensor = ArrayD::zeros(self.stem.input.shape.clone());
        if let Some(mut channels) = self.stem.input.channels(tensor.view_mut()) {
            channels.assign(&input);
        }
        let cotangent = self.stem.cotangent(self.channel);
        let mean = |value: ArrayViewD<'_, f32>| {
            let weighted = value.iter().zip(&cotangent);
            weighted.map(|(&value, &weight)| f64::from(value) * f64::from(weight)).sum::<f64>()
        };
        self.stem.gradient.at(tensor, &cotangent, mean, self.token)
    }
}

/// The input for pictures of another size.
fn of_size(input: &Layer, [height, width]: [usize; 2]) -> Layer {
    let grid = input.grid.unwrap_or(Grid::from(Layout::Nchw));
    let channels = input.extents().map_or(3, |[channels, ..]| channels);
    let shape = match grid {
        Grid::Nhwc => vec![1, height, width, channels],
        _ => vec![1, channels, height, width],
    };
    Layer { shape, kind: Kind::Value, grid: Some(grid), ..input.clone() }
}
