use std::collections::HashSet;

use super::{Attributes, Element, Elements, Facts, Model, Topology, reads};
use crate::config::Activation;

/// The end of a classifier: which value holds the logits, and what follows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The output that holds the scores.
    pub output: String,
    /// The input of the final softmax or sigmoid. Without one, the output itself.
    pub logits: String,
    /// The final activation, if the output ends in one.
    pub activation: Option<Activation>,
    /// Whether the logits come from a dense layer, so that they are no probabilities.
    pub is_dense: bool,
    /// The graph's other outputs.
    pub other_outputs: Vec<String>,
}

impl Head {
    /// The head of the first output. A graph without outputs has an empty head.
    #[must_use]
    pub fn of(model: &Model, topology: &Topology) -> Self {
        Self::at(model.outputs().first().map_or("", |output| &output.name), model, topology)
    }

    /// The head of the output that holds the scores of `classes` classes, if their number is known.
    ///
    /// Scores are one vector. Of several, those are taken from which no other vector is computed,
    /// so that an embedding is passed over; of several such, one that ends in an activation, or
    /// else in a dense layer.
    #[must_use]
    pub fn of_scores(
        model: &Model,
        topology: &Topology,
        facts: &Facts,
        classes: Option<usize>,
    ) -> Self {
        let names = model.outputs().iter().map(|output| output.name.as_str());
        let vectors: Vec<&str> = names.filter(|name| units(name, facts).is_some()).collect();
        let fits = |name: &&str| classes.is_none() || classes == units(name, facts);
        let fitting: Vec<&str> = vectors.iter().copied().filter(fits).collect();
        let vectors = if fitting.is_empty() { vectors } else { fitting };
        let is_last = |name: &&str| {
            let others = vectors.iter().filter(|other| *other != name);
            !others.into_iter().any(|other| depends_on(other, name, topology))
        };
        let heads = vectors.iter().filter(|name| is_last(name));
        let heads = heads.map(|name| Self::at(name, model, topology));
        let rank = |head: &Self| match head.activation {
            Some(_) => 0,
            None if head.is_dense => 1,
            None => 2,
        };
        heads.min_by_key(rank).unwrap_or_else(|| Self::of(model, topology))
    }

    /// The head of the output called `output`. It walks back through operators that keep the values
    /// (`Identity`, `Reshape`, `Cast` …) to the activation.
    #[must_use]
    pub fn at(output: &str, model: &Model, topology: &Topology) -> Self {
        let others = model.outputs().iter().map(|other| &other.name);
        let other_outputs = others.filter(|other| *other != output).cloned().collect();
        let ending = |logits: &str, activation: Option<Activation>| Self {
            output: output.to_owned(),
            logits: logits.to_owned(),
            activation,
            is_dense: ends_dense(logits, topology),
            other_outputs,
        };
        let mut value = output;
        while let Some(node) = topology.producer(value) {
            let source = node.input.first().map_or("", String::as_str);
            match node.op_type.as_str() {
                // The softmax of log-probabilities is the softmax of the logits.
                "Softmax" | "LogSoftmax" if is_over_classes(node.int("axis", -1)) => {
                    return ending(source, Some(Activation::Softmax));
                }
                "Sigmoid" => return ending(source, Some(Activation::Sigmoid)),
                _ if Elements::after(node) == Elements::Kept => value = source,
                _ => break,
            }
        }
        ending(output, None)
    }
}

/// Whether `axis` is the class axis of `[1, classes]` or of `[1, classes, 1, 1]`.
fn is_over_classes(axis: i64) -> bool {
    matches!(axis, -1 | 1)
}

/// The number of elements of a float vector. None for another value.
fn units(value: &str, facts: &Facts) -> Option<usize> {
    let fact = facts.get(value)?;
    let is_float = matches!(fact.element, Element::F32 | Element::F16 | Element::F64);
    let is_vector = fact.shape.iter().filter(|&&dim| dim > 1).count() <= 1;
    Some(fact.shape.iter().product()).filter(|&units| is_float && is_vector && units > 0)
}

/// The value from which `value` differs at most in shape and type.
fn unchanged<'m>(mut value: &'m str, topology: &Topology<'m>) -> &'m str {
    while let Some(node) =
        topology.producer(value).filter(|it| Elements::after(it) == Elements::Kept)
        && let Some(source) = node.input.first()
    {
        value = source;
    }
    value
}

/// Whether `value` is computed from the elements of `source`.
fn depends_on(value: &str, source: &str, topology: &Topology) -> bool {
    let source = unchanged(source, topology);
    let mut seen = HashSet::new();
    let mut stack = vec![value];
    while let Some(value) = stack.pop() {
        let sources = topology.producer(value).into_iter().flat_map(reads);
        for read in sources {
            if read == source {
                return true;
            }
            if seen.insert(read) {
                stack.push(read);
            }
        }
    }
    false
}

/// Whether `value` comes from a matrix product, perhaps with a bias.
fn ends_dense(value: &str, topology: &Topology) -> bool {
    let value = unchanged(value, topology);
    let is_product = |value: &str| {
        topology.producer(value).is_some_and(|it| matches!(&*it.op_type, "Gemm" | "MatMul"))
    };
    let bias = topology.producer(value).filter(|node| node.op_type == "Add");
    is_product(value) || bias.is_some_and(|node| node.input.iter().any(|input| is_product(input)))
}
