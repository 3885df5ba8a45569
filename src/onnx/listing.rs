use std::collections::{HashMap, HashSet};

use super::layout::Layouts;
use super::operators::{StartsLayer, operator};
use super::pb::{NodeProto, TensorProto, tensor_proto::DataType};
use super::{Element, Facts, Grid, Model, Topology};

/// What a layer is, in the words of the frameworks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A convolution, after its batch norm and activation.
    Convolution,
    /// A max, average or global pool.
    Pooling,
    /// Where branches meet: an addition, a concatenation, a gate.
    Merge,
    /// A fully connected layer, after its activation.
    Dense,
    /// A reshape from pictures to a vector.
    Flatten,
    /// Dropout, and identities that stand where a framework had one.
    Dropout,
    /// Any other value of the graph that was asked for by its ONNX name.
    Value,
}

/// A value of the forward graph that a person would name.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The ONNX value's name.
    pub name: String,
    /// What the layer is.
    pub kind: Kind,
    /// The value's shape, batch (1) included, as ONNX has it.
    pub shape: Vec<usize>,
    /// Where in the picture its elements stand. None for a value without height and width.
    pub grid: Option<Grid>,
    /// Weights that enter between the layers before and this one.
    pub parameters: usize,
}

/// The layers of a model in the order of evaluation.
///
/// Operators that only dress a value (batch norm, activation, bias, and a product of a value with
/// a function of itself, as in swish) belong to the layer that they dress; the layer is named by
/// the last such value that something else reads.
#[must_use]
pub fn layers(model: &Model, topology: &Topology, layouts: &Layouts, facts: &Facts) -> Vec<Layer> {
    let mut origins = Origins::of(model, topology, facts);
    let mut parameters = parameters(model, topology, &origins);
    let mut layers = Vec::new();
    let mut entered = 0;
    for &index in topology.order() {
        entered += parameters.remove(&index).unwrap_or(0);
        let Some(kind) =
            (operator(topology.node(index)).kind)(topology.node(index), topology, facts)
        else {
            continue;
        };
        let Some(exit) = origins.exits.remove(&index) else { continue };
        let Some(shape) = facts.shape(exit) else { continue };
        layers.push(Layer {
            name: exit.to_owned(),
            kind,
            shape: shape.to_vec(),
            grid: layouts.get(exit).filter(|_| shape.len() == 4).map(Grid::from),
            parameters: std::mem::take(&mut entered),
        });
    }
    layers
}

/// To which founding node each value belongs.
struct Origins<'m> {
    /// The founding node of each computed value.
    of_value: HashMap<&'m str, usize>,
    /// The last value of each founding node that something else reads.
    exits: HashMap<usize, &'m str>,
}

impl<'m> Origins<'m> {
    fn of(model: &'m Model, topology: &Topology<'m>, facts: &Facts) -> Self {
        let mut of_value: HashMap<&str, usize> = HashMap::new();
        for &index in topology.order() {
            let node = topology.node(index);
            let carries = |name: &String| is_feature(name, facts) && !topology.is_constant(name);
            if !node.output.first().is_some_and(carries) {
                continue;
            }
            let sources: HashSet<usize> =
                node.input.iter().filter_map(|name| of_value.get(name.as_str()).copied()).collect();
            let origin = match sources.iter().next() {
                Some(&source) if sources.len() == 1 && !starts_layer(node, topology) => source,
                _ => index,
            };
            of_value.extend(node.output.iter().map(|name| (name.as_str(), origin)));
        }
        let mut origins = Self { of_value, exits: HashMap::new() };
        origins.find_exits(model, topology);
        origins
    }

    fn find_exits(&mut self, model: &'m Model, topology: &Topology<'m>) {
        let outputs: HashSet<&str> =
            model.outputs().iter().map(|output| output.name.as_str()).collect();
        for &index in topology.order() {
            let node = topology.node(index);
            if operator(node).only_rearranges() {
                continue;
            }
            for output in node.output.iter().take(1) {
                let Some(&origin) = self.of_value.get(output.as_str()) else { continue };
                let leaves = topology.consumer_indices(output).iter().any(|&consumer| {
                    let consumer = topology.node(consumer);
                    let theirs = consumer.output.first().map(String::as_str).unwrap_or_default();
                    operator(consumer).only_rearranges()
                        || self.of_value.get(theirs) != Some(&origin)
                });
                if leaves || outputs.contains(output.as_str()) || is_final(output, topology) {
                    self.exits.insert(origin, output);
                }
            }
        }
    }
}

/// Whether a value is a float that depends on the picture; shapes and constants are not.
fn is_feature(value: &str, facts: &Facts) -> bool {
    facts.get(value).is_some_and(|fact| {
        matches!(fact.element, Element::F32 | Element::F16 | Element::F64)
            && fact.constant.is_none()
    })
}

fn is_final(value: &str, topology: &Topology) -> bool {
    topology.consumer_indices(value).is_empty()
}

/// Whether a node starts a layer of its own even if it reads from one layer only.
fn starts_layer(node: &NodeProto, topology: &Topology) -> bool {
    match operator(node).starts_layer {
        StartsLayer::Always => true,
        StartsLayer::WithoutConstants => node.input.iter().all(|name| !topology.is_constant(name)),
        StartsLayer::Never => false,
    }
}

/// The number of weights of each listed layer: those of its own nodes and of the unlisted nodes
/// before it. Scalars that are settings rather than weights (bounds, scales) do not count.
fn parameters(model: &Model, topology: &Topology, origins: &Origins) -> HashMap<usize, usize> {
    let stored: HashMap<&str, usize> = model
        .graph()
        .initializer
        .iter()
        .filter(|tensor| is_float(tensor) && !tensor.dims.is_empty())
        .map(|tensor| (tensor.name.as_str(), count(tensor)))
        .collect();
    let mut counted: HashSet<&str> = HashSet::new();
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for &index in topology.order() {
        let node = topology.node(index);
        let Some(&origin) =
            node.output.first().and_then(|name| origins.of_value.get(name.as_str()))
        else {
            continue;
        };
        for weight in weights(node, topology) {
            if let Some(&count) = stored.get(weight).filter(|_| counted.insert(weight)) {
                *counts.entry(origin).or_default() += count;
            }
        }
    }
    counts
}

/// The initializers that a node reads as weights, through constant nodes such as `Cast`.
fn weights<'m>(node: &'m NodeProto, topology: &Topology<'m>) -> Vec<&'m str> {
    let mut stack: Vec<&str> = if operator(node).stores_settings {
        Vec::new()
    } else {
        node.input.iter().map(String::as_str).filter(|name| topology.is_constant(name)).collect()
    };
    let mut found = Vec::new();
    while let Some(value) = stack.pop() {
        match topology.producer(value) {
            None => found.push(value),
            Some(producer) => stack.extend(producer.input.iter().map(String::as_str)),
        }
    }
    found
}

fn is_float(tensor: &TensorProto) -> bool {
    matches!(
        DataType::try_from(tensor.data_type),
        Ok(DataType::Float | DataType::Float16 | DataType::Double | DataType::Bfloat16)
    )
}

fn count(tensor: &TensorProto) -> usize {
    tensor.dims.iter().map(|&dim| usize::try_from(dim).unwrap_or(0)).product()
}
