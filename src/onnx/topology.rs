use std::collections::{HashMap, HashSet};

use super::pb::{GraphProto, NodeProto};
use super::{Model, OnnxError};

/// The nodes that define and read each value of a graph, and all nodes in an order of evaluation.
///
/// A node is identified by its index in [`GraphProto::node`].
#[derive(Debug)]
pub struct Topology<'m> {
    graph: &'m GraphProto,
    producers: HashMap<&'m str, usize>,
    consumers: HashMap<&'m str, Vec<usize>>,
    order: Vec<usize>,
    constants: HashSet<&'m str>,
}

impl<'m> Topology<'m> {
    /// Reads the topology of the main graph. The specification requires sorted nodes, but some
    /// files are not sorted, so the nodes are sorted here.
    ///
    /// # Errors
    /// [`OnnxError::DefinedTwice`] and [`OnnxError::Undefined`] (a missing value or a cycle).
    pub fn of(model: &'m Model) -> Result<Self, OnnxError> {
        let graph = model.graph();
        let mut producers = HashMap::new();
        let mut consumers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, node) in graph.node.iter().enumerate() {
            for output in node.output.iter().filter(|name| !name.is_empty()) {
                if producers.insert(output.as_str(), index).is_some() {
                    return Err(OnnxError::DefinedTwice(output.clone()));
                }
            }
            for input in reads(node) {
                consumers.entry(input).or_default().push(index);
            }
        }
        let mut topology =
            Self { graph, producers, consumers, order: Vec::new(), constants: HashSet::new() };
        topology.order = topology.sort(model)?;
        topology.constants = topology.find_constants(model);
        Ok(topology)
    }

    /// The node at `index` of the graph.
    #[must_use]
    pub fn node(&self, index: usize) -> &'m NodeProto {
        &self.graph.node[index]
    }

    /// The node that computes `value`. `None` for inputs and initializers.
    #[must_use]
    pub fn producer(&self, value: &str) -> Option<&'m NodeProto> {
        self.producers.get(value).map(|&index| self.node(index))
    }

    /// The index of the node that computes `value`.
    #[must_use]
    pub fn producer_index(&self, value: &str) -> Option<usize> {
        self.producers.get(value).copied()
    }

    /// The nodes that read `value`. A node that reads it twice comes twice.
    pub fn consumers(&self, value: &str) -> impl Iterator<Item = &'m NodeProto> + '_ {
        self.consumer_indices(value).iter().map(|&index| self.node(index))
    }

    /// The indices of the nodes that read `value`.
    #[must_use]
    pub fn consumer_indices(&self, value: &str) -> &[usize] {
        self.consumers.get(value).map_or(&[], Vec::as_slice)
    }

    /// Every node's index, each after those whose outputs it reads.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Whether `value` is the same for every picture: an initializer, or computed from
    /// initializers and constants alone.
    #[must_use]
    pub fn is_constant(&self, value: &str) -> bool {
        self.constants.contains(value)
    }

    /// The nodes that `values` depend on.
    #[must_use]
    pub fn ancestors(&self, values: &[&str]) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut stack: Vec<usize> =
            values.iter().filter_map(|value| self.producer_index(value)).collect();
        while let Some(index) = stack.pop() {
            if found.insert(index) {
                let sources = reads(self.node(index));
                stack.extend(sources.filter_map(|value| self.producer_index(value)));
            }
        }
        found
    }

    fn sort(&self, model: &'m Model) -> Result<Vec<usize>, OnnxError> {
        let mut known: HashSet<&str> = self
            .graph
            .initializer
            .iter()
            .map(|tensor| tensor.name.as_str())
            .chain(model.graph().input.iter().map(|input| input.name.as_str()))
            .collect();
        let mut missing: Vec<usize> = Vec::with_capacity(self.graph.node.len());
        let mut ready: Vec<usize> = Vec::new();
        for (index, node) in self.graph.node.iter().enumerate() {
            let count = reads(node).filter(|name| !known.contains(name)).count();
            missing.push(count);
            if count == 0 {
                ready.push(index);
            }
        }
        // A min-heap keeps the file's order if that order is valid.
        let mut heap: std::collections::BinaryHeap<_> =
            ready.into_iter().map(std::cmp::Reverse).collect();
        let mut order = Vec::with_capacity(self.graph.node.len());
        while let Some(std::cmp::Reverse(index)) = heap.pop() {
            order.push(index);
            for output in self.node(index).output.iter().filter(|name| !name.is_empty()) {
                if !known.insert(output) {
                    continue;
                }
                for &consumer in self.consumer_indices(output) {
                    missing[consumer] -= 1;
                    if missing[consumer] == 0 {
                        heap.push(std::cmp::Reverse(consumer));
                    }
                }
            }
        }
        match missing.iter().position(|&count| count > 0) {
            None => Ok(order),
            Some(index) => {
                let node = self.node(index);
                let value = reads(node).find(|name| !known.contains(name)).unwrap_or_default();
                Err(OnnxError::Undefined {
                    node: node.name.clone(),
                    operator: node.op_type.clone(),
                    value: value.to_owned(),
                })
            }
        }
    }

    fn find_constants(&self, model: &'m Model) -> HashSet<&'m str> {
        let inputs: HashSet<&str> =
            model.inputs().iter().map(|input| input.name.as_str()).collect();
        let mut constants: HashSet<&str> = self
            .graph
            .initializer
            .iter()
            .map(|tensor| tensor.name.as_str())
            .filter(|name| !inputs.contains(name))
            .collect();
        for &index in &self.order {
            let node = self.node(index);
            let random = node.op_type.starts_with("Random") || node.op_type == "Multinomial";
            if !random && reads(node).all(|name| constants.contains(name)) {
                constants.extend(node.output.iter().map(String::as_str));
            }
        }
        constants
    }
}

/// The values that a node reads, including those that its subgraphs (`If`, `Loop`) read from
/// outside.
pub fn reads(node: &NodeProto) -> impl Iterator<Item = &str> {
    use super::Attributes;
    let direct = node.input.iter().map(String::as_str).filter(|name| !name.is_empty());
    direct.chain(node.graphs().flat_map(captured))
}

/// The values that a subgraph reads from outside.
fn captured(graph: &GraphProto) -> Vec<&str> {
    let inner: HashSet<&str> = graph
        .input
        .iter()
        .map(|input| input.name.as_str())
        .chain(graph.initializer.iter().map(|tensor| tensor.name.as_str()))
        .chain(graph.node.iter().flat_map(|node| node.output.iter().map(String::as_str)))
        .collect();
    let outputs = graph.output.iter().map(|output| output.name.as_str());
    graph.node.iter().flat_map(reads).chain(outputs).filter(|name| !inner.contains(name)).collect()
}
