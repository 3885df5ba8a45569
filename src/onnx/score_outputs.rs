//! Outputs that are made from scores: labels, indices, dictionaries. The scores take their place.

use std::collections::HashSet;

use super::pb::ValueInfoProto;
use super::{Elements, Model, OnnxError, Topology};

impl Model {
    /// The same model with outputs of scores. An output behind `ArgMax`, `TopK`, `ZipMap` or a
    /// table of labels becomes the scores that those operators read. Nodes that no output needs any
    /// more are dropped.
    ///
    /// # Errors
    /// As [`Topology::of`].
    pub fn with_score_outputs(mut self) -> Result<Self, OnnxError> {
        let topology = Topology::of(&self)?;
        let outputs = self.outputs().iter();
        let scores: Vec<&str> = outputs.map(|output| scores_of(&output.name, &topology)).collect();
        if self.outputs().iter().map(|output| output.name.as_str()).eq(scores.iter().copied()) {
            return Ok(self);
        }
        let needed = topology.ancestors(&scores);
        let mut seen = HashSet::new();
        let distinct = scores.into_iter().filter(|name| seen.insert(*name)).map(str::to_owned);
        let names: Vec<String> = distinct.collect();
        if let Some(graph) = self.graph_mut() {
            let declared = std::mem::take(&mut graph.output);
            let output = |name: String| {
                let known = declared.iter().find(|output| output.name == name).cloned();
                known.unwrap_or(ValueInfoProto { name, ..ValueInfoProto::default() })
            };
            graph.output = names.into_iter().map(output).collect();
            let nodes = std::mem::take(&mut graph.node).into_iter().enumerate();
            let kept = nodes.filter(|(index, _)| needed.contains(index));
            graph.node = kept.map(|(_, node)| node).collect();
        }
        Ok(self)
    }
}

/// The scores that the output `value` is made from; `value` itself where it holds scores.
fn scores_of<'m>(value: &'m str, topology: &Topology<'m>) -> &'m str {
    let (mut scores, mut value) = (value, value);
    while let Some(node) = topology.producer(value) {
        let source = match node.op_type.as_str() {
            "ArgMax" | "TopK" | "ZipMap" | "LabelEncoder" => node.input.first(),
            "ArrayFeatureExtractor" => node.input.get(1),
            "Gather" if node.input.first().is_some_and(|table| topology.is_constant(table)) => {
                node.input.get(1)
            }
            _ if Elements::after(node) == Elements::Kept => {
                let Some(source) = node.input.first() else { break };
                value = source;
                continue;
            }
            _ => break,
        };
        let Some(source) = source else { break };
        (scores, value) = (source, source);
    }
    scores
}
