use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use convscope::config::Layout;
use convscope::gradient::{self, GradientError, GradientGraph, GradientModel, Rules};
use convscope::onnx::{Element, Fact, Facts, Grid, Grids, Model, Topology};
use convscope::runtime::{CancellationToken, Engine, Graph, Values, tensor_input};
use ndarray::{ArrayD, Axis};
use serde::Deserialize;

/// Cases whose forward graph tract cannot type or run, or computes otherwise than ONNX. Their
/// gradients need no forward values.
const UNSUPPORTED_BY_TRACT: [&str; 8] = [
    "Celu opset 17: alpha",
    "Pad opset 18: axes",
    "Pad opset 19: wrap",
    "Swish opset 24: alpha",
    "Swish opset 24: negative alpha",
    "Upsample opset 7: attribute",
    "Upsample opset 9: input",
    "Upsample opset 9: linear",
];

/// A graph with its inputs, a cotangent of its logits, and the gradients that another tool
/// computed.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) operator: String,
    model: String,
    inputs: BTreeMap<String, Array>,
    layers: Vec<String>,
    logits: String,
    seed: Array,
    gradients: BTreeMap<String, Array>,
}

#[derive(Deserialize)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Array {
    fn tensor(&self) -> ArrayD<f32> {
        ArrayD::from_shape_vec(self.shape.clone(), self.values.clone()).unwrap()
    }
}

/// The cases of a file of `tests/reference/gradient`, one per line.
pub(super) fn read(file: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/gradient");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs every case of a file and fails with a list of the cases whose error is larger than
/// `tolerance`, relative to the largest element of the gradient.
pub(super) fn assert_all(file: &str, tolerance: f32) {
    let cases = read(file);
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| match case.error() {
            Ok(error) if error <= tolerance => None,
            Ok(error) => Some(format!("{}: error {error:e}", case.name)),
            Err(error) => Some(format!("{}: {error}", case.name)),
        })
        .collect();
    let failed = failures.len();
    assert!(failures.is_empty(), "{failed} of {}:\n{}", cases.len(), failures.join("\n"));
}

fn with_weights(
    model: &Model,
    derived: Result<GradientGraph, GradientError>,
) -> Result<GradientModel, String> {
    let embed = |derived: GradientGraph| {
        let tensors = model.tensors(&derived.weights(|_| false));
        derived.embed(tensors, |_| false)
    };
    derived.and_then(embed).map_err(|error| error.to_string())
}

impl Case {
    pub(super) fn model(&self) -> Model {
        let bytes = base64::engine::general_purpose::STANDARD.decode(&self.model).unwrap();
        Model::decode(&bytes).unwrap()
    }

    fn shapes(&self, model: &Model) -> Vec<Vec<usize>> {
        model.inputs().iter().map(|input| self.inputs[&input.name].shape.clone()).collect()
    }

    pub(super) fn derive(&self) -> Result<GradientModel, String> {
        let model = self.model();
        let facts = self.facts(&model)?;
        let layers: Vec<&str> = self.layers.iter().map(String::as_str).collect();
        with_weights(
            &model,
            gradient::derive(&model, &facts, &layers, &self.logits, Rules::GRADIENT),
        )
    }

    /// The layers that have channels and are not graph inputs, each with the axis of its channels.
    pub(super) fn channel_axes(&self) -> Vec<(&str, usize)> {
        let model = self.model();
        let (facts, topology) = (self.facts(&model).unwrap(), Topology::of(&model).unwrap());
        let grids = Grids::of(&model, &topology, &facts, Layout::Nchw, &self.logits);
        let inside = self.layers.iter().filter(|layer| !self.inputs.contains_key(*layer));
        let axis = |name: &str| match grids.get(name)? {
            Grid::Tokens { .. } => None,
            grid => Some(grid.channel_axis(4)),
        };
        inside.filter_map(|name| Some((name.as_str(), axis(name)?))).collect()
    }

    /// The number of elements in one channel of `layer`.
    pub(super) fn positions(&self, layer: &str, axis: usize) -> usize {
        let shape = &self.gradients[layer].shape;
        shape.iter().product::<usize>() / shape[axis]
    }

    /// How many numbers `derive_channel_sums` gives for each channel of `layer`, and the largest
    /// error of their sums, relative to the largest sum.
    pub(super) fn sums_error(&self, layer: &str, axis: usize) -> Result<(usize, f32), String> {
        let model = self.model();
        let facts = self.facts(&model)?;
        let derived = gradient::derive_channel_sums(
            &model,
            &facts,
            layer,
            axis,
            &self.logits,
            Rules::GRADIENT,
        );
        let name = gradient::channel_sums_name(layer);
        let computed = self.run(&with_weights(&model, derived)?, std::slice::from_ref(&name))?;
        let rows = computed.view(&name).map_err(|error| error.to_string())?;
        let expected = self.gradients[layer].tensor();
        let expected = expected.axis_iter(Axis(axis)).map(|channel| channel.sum());
        let expected: Vec<f32> = expected.collect();
        let largest = expected.iter().fold(1e-3, |max: f32, sum| max.max(sum.abs()));
        if rows.shape()[0] != expected.len() {
            return Err(format!("{} rows for {} channels", rows.shape()[0], expected.len()));
        }
        let sums = rows.axis_iter(Axis(0)).map(|row| row.sum());
        let errors = sums.zip(expected).map(|(sum, expected)| (sum - expected).abs() / largest);
        Ok((rows.shape()[1], errors.fold(0.0, f32::max)))
    }

    /// The facts that tract infers. If it does not support the operator, the shapes of the case's
    /// own inputs and seed.
    fn facts(&self, model: &Model) -> Result<Facts, String> {
        if !UNSUPPORTED_BY_TRACT.contains(&self.name.as_str()) {
            let graph = Graph::read(model, &self.shapes(model));
            return graph.map(|graph| graph.facts()).map_err(|error| error.to_string());
        }
        let mut facts = Facts::default();
        for (name, array) in self.inputs.iter().chain([(&self.logits, &self.seed)]) {
            let shape = array.shape.clone();
            facts.insert(name, Fact { element: Element::F32, shape, constant: None });
        }
        Ok(facts)
    }

    /// Runs the forward graph for the residuals, then the gradient graph with the case's seed.
    fn run(&self, gradient: &GradientModel, outputs: &[String]) -> Result<Values, String> {
        let model = self.model();
        let fail = |error: convscope::runtime::RuntimeError| error.to_string();
        let computed: Vec<String> = gradient
            .residuals
            .iter()
            .filter(|name| !self.inputs.contains_key(*name))
            .cloned()
            .collect();
        let given = |name: &str| tensor_input(self.inputs[name].tensor());
        let values = if computed.is_empty() {
            Values::default()
        } else {
            let inputs = model.inputs().iter().map(|value| given(&value.name)).collect();
            Graph::read(&model, &self.shapes(&model))
                .and_then(|graph| graph.compile(&computed, &Engine::default()))
                .and_then(|forward| forward.run(inputs, &CancellationToken::default()))
                .map_err(fail)?
        };

        let mut inputs = vec![tensor_input(self.seed.tensor())];
        let mut shapes = vec![self.seed.shape.clone()];
        for name in &gradient.residuals {
            let value = match self.inputs.contains_key(name) {
                true => given(name),
                false => values.handle(name).map_err(fail)?,
            };
            shapes.push(value.shape().to_vec());
            inputs.push(value);
        }
        Graph::read(&gradient.model, &shapes)
            .and_then(|graph| graph.compile(outputs, &Engine::default()))
            .and_then(|backward| backward.run(inputs, &CancellationToken::default()))
            .map_err(|error| format!("backward: {error}"))
    }

    /// The largest error of any gradient relative to that gradient's largest element.
    pub(super) fn error(&self) -> Result<f32, String> {
        let outputs: Vec<String> =
            self.layers.iter().map(|layer| format!("grad/{layer}")).collect();
        let cotangents = self.run(&self.derive()?, &outputs)?;
        let fail = |error: convscope::runtime::RuntimeError| error.to_string();
        let mut worst: f32 = 0.0;
        for (layer, expected) in &self.gradients {
            let actual = cotangents.view(&format!("grad/{layer}")).map_err(fail)?;
            let expected = expected.tensor();
            if actual.shape() != expected.shape() {
                return Err(format!("grad/{layer} has shape {:?}", actual.shape()));
            }
            let scale = expected.iter().fold(1e-3, |max: f32, value| max.max(value.abs()));
            for (a, b) in actual.iter().zip(&expected) {
                let error = (a - b).abs() / scale;
                worst = if error.is_nan() { f32::INFINITY } else { worst.max(error) };
            }
        }
        Ok(worst)
    }
}
