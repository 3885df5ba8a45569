use std::collections::{HashMap, HashSet};

use super::operators::{StartsLayer, operator};
use super::pb::{NodeProto, TensorProto, tensor_proto::DataType};
use super::{Element, Facts, Grids, Layer, LayerNames, Model, Topology};

/// The layers of a model in the order of evaluation.
///
/// Batch norm, activation, bias, and the product of a value with a function of itself (swish)
/// belong to the layer whose value they change. Layer norm is a layer of its own. The layer's value
/// is its last one that is read outside the layer.
#[must_use]
pub fn layers(
    model: &Model,
    topology: &Topology,
    names: &LayerNames,
    grids: &Grids,
    facts: &Facts,
) -> Vec<Layer> {
    let mut starts = LayerStarts::of(model, topology, names, facts);
    let mut parameters = parameters(model, topology, &starts);
    let mut layers = Vec::new();
    let mut pending = 0;
    for &index in topology.order() {
        pending += parameters.remove(&index).unwrap_or(0);
        let Some(kind) =
            (operator(topology.node(index)).kind)(topology.node(index), topology, facts)
        else {
            continue;
        };
        let Some(value) = starts.last_value_of.remove(&index) else { continue };
        let Some(shape) = facts.shape(value) else { continue };
        layers.push(Layer {
            value: value.to_owned(),
            module: names.module(value),
            kind,
            shape: shape.to_vec(),
            grid: grids.get(value),
            only_prefix_is_read: grids.only_prefix_is_read(value),
            parameters: std::mem::take(&mut pending),
        });
    }
    layers
}

/// The layer that each value belongs to. A layer is identified by the node that starts it.
struct LayerStarts<'m> {
    /// The node that starts the layer of each computed value.
    start_of: HashMap<&'m str, usize>,
    /// For each node that starts a layer: the layer's last value that is read outside the layer.
    last_value_of: HashMap<usize, &'m str>,
}

impl<'m> LayerStarts<'m> {
    fn of(model: &'m Model, topology: &Topology<'m>, names: &LayerNames, facts: &Facts) -> Self {
        let mut start_of: HashMap<&str, usize> = HashMap::new();
        for &index in topology.order() {
            let node = topology.node(index);
            let carries = |name: &String| is_feature(name, facts) && !topology.is_constant(name);
            if !node.output.first().is_some_and(carries) {
                continue;
            }
            let sources: HashSet<usize> =
                node.input.iter().filter_map(|name| start_of.get(name.as_str()).copied()).collect();
            let start = match sources.iter().next() {
                Some(&source)
                    if sources.len() == 1
                        && !starts_layer(node, topology)
                        && !leaves_block(node, topology.node(source), names) =>
                {
                    source
                }
                _ => index,
            };
            start_of.extend(node.output.iter().map(|name| (name.as_str(), start)));
        }
        let mut starts = Self { start_of, last_value_of: HashMap::new() };
        starts.find_last_values(model, topology);
        starts
    }

    fn find_last_values(&mut self, model: &'m Model, topology: &Topology<'m>) {
        let outputs: HashSet<&str> =
            model.outputs().iter().map(|output| output.name.as_str()).collect();
        for &index in topology.order() {
            let node = topology.node(index);
            if operator(node).only_rearranges() {
                continue;
            }
            for output in node.output.iter().take(1) {
                let Some(&start) = self.start_of.get(output.as_str()) else { continue };
                let leaves = topology.consumer_indices(output).iter().any(|&consumer| {
                    let consumer = topology.node(consumer);
                    let theirs = consumer.output.first().map(String::as_str).unwrap_or_default();
                    operator(consumer).only_rearranges()
                        || self.start_of.get(theirs) != Some(&start)
                });
                if leaves || outputs.contains(output.as_str()) || is_final(output, topology) {
                    self.last_value_of.insert(start, output);
                }
            }
        }
    }
}

/// Whether a value is a float tensor that depends on the picture, unlike shapes and constants.
fn is_feature(value: &str, facts: &Facts) -> bool {
    facts.get(value).is_some_and(|fact| {
        matches!(fact.element, Element::F32 | Element::F16 | Element::F64)
            && fact.constant.is_none()
    })
}

fn is_final(value: &str, topology: &Topology) -> bool {
    topology.consumer_indices(value).is_empty()
}

/// Whether a node starts a layer of its own even if it reads only one layer.
fn starts_layer(node: &NodeProto, topology: &Topology) -> bool {
    match operator(node).starts_layer {
        StartsLayer::Always => true,
        StartsLayer::WithoutConstants => node.input.iter().all(|name| !topology.is_constant(name)),
        StartsLayer::Never => false,
    }
}

/// Whether `start` adds the branches of a block and `node` is outside of the block, such as the
/// normalization at the start of the next block. The sum is then the layer's last value.
fn leaves_block(node: &NodeProto, start: &NodeProto, names: &LayerNames) -> bool {
    let is_sum = operator(start).starts_layer == StartsLayer::WithoutConstants;
    let outputs = node.output.first().zip(start.output.first());
    is_sum && outputs.is_some_and(|(value, sum)| names.is_outside(value, sum))
}

/// The number of weights of each listed layer: those of its own nodes and of the unlisted nodes
/// before it. Scalars are settings (bounds, scales), not weights, and do not count.
fn parameters(model: &Model, topology: &Topology, starts: &LayerStarts) -> HashMap<usize, usize> {
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
        let Some(&start) = node.output.first().and_then(|name| starts.start_of.get(name.as_str()))
        else {
            continue;
        };
        for weight in weights(node, topology) {
            if let Some(&count) = stored.get(weight).filter(|_| counted.insert(weight)) {
                *counts.entry(start).or_default() += count;
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
