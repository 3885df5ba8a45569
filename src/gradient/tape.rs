use std::collections::HashMap;

use super::error::RuleError;
use super::flip::Flip;
use super::forward_graph::{ForwardGraph, element_of, is_external};
use super::gradient_graph::Weight;
use super::names::SEED;
use super::{EngineNode, GradientError, GradientGraph, Reference, Rules};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attribute, Builder, Constant, Element, Value, value_info};

/// The gradient graph being written, with the forward values that it reads.
#[derive(Debug)]
pub(super) struct Tape<'m> {
    pub(super) forward: ForwardGraph<'m>,
    pub(super) builder: Builder,
    /// Where the forward values are read. None is at the picture.
    pub(super) reference: Option<Reference>,
    values: HashMap<String, Value>,
    flipped: HashMap<(String, Flip), Value>,
    residuals: Vec<String>,
    references: Vec<(Reference, String, Value)>,
    weights: Vec<Weight>,
    engine_nodes: Vec<EngineNode>,
}

/// Operators that have the same meaning in every operator set from 7 on. A constant computed by one
/// of them may be computed in the gradient graph by a copy of its node.
const SAME_IN_ALL_OPSETS: [&str; 12] = [
    "Add",
    "Cast",
    "Concat",
    "DequantizeLinear",
    "Div",
    "Identity",
    "Mul",
    "Neg",
    "Reciprocal",
    "Sqrt",
    "Sub",
    "Transpose",
];

impl<'m> Tape<'m> {
    pub(super) fn new(forward: ForwardGraph<'m>, outputs: &[String]) -> Self {
        let builder = Builder::default();
        builder.reserve(SEED);
        outputs.iter().for_each(|output| builder.reserve(output));
        Self {
            forward,
            builder,
            reference: None,
            values: HashMap::new(),
            flipped: HashMap::new(),
            residuals: Vec::new(),
            references: Vec::new(),
            weights: Vec::new(),
            engine_nodes: Vec::new(),
        }
    }

    /// Says that `operator` of an engine computes `output`, which was written, from `inputs`.
    pub(super) fn engine_node(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: &[(&str, Attribute)],
        output: &Value,
    ) {
        // The engine's operators are for float32.
        if output.element() == Element::F32 {
            self.engine_nodes.push(EngineNode::new(operator, inputs, attributes, output));
        }
    }

    /// The graph input that takes the cotangent of `logits`.
    pub(super) fn seed(&self, logits: &str) -> Result<Value, GradientError> {
        let unknown = || GradientError::UnknownShape(logits.to_owned());
        let shape = self.forward.shape(logits).ok_or_else(unknown)?;
        let element = self.forward.element(logits).ok_or_else(unknown)?;
        Ok(self.builder.input(SEED, element, &shape))
    }

    pub(super) fn shape(&self, value: &str) -> Result<Vec<usize>, RuleError> {
        let shape = self.forward.shape(value);
        shape.ok_or_else(|| RuleError(format!("the shape of {value:?} could not be inferred")))
    }

    /// A value of the forward graph. A constant becomes a weight; any other value, or a constant
    /// that cannot be copied, becomes a residual at the picture or at the reference.
    pub(super) fn value(&mut self, name: &str) -> Result<Value, RuleError> {
        if let Some(reference) = self.reference
            && !self.forward.topology.is_constant(name)
        {
            return self.value_at(reference, name);
        }
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        let constant = self.forward.topology.is_constant(name).then(|| self.constant(name));
        let value = match constant.flatten() {
            Some(value) => value,
            None => self.residual(name)?,
        };
        self.values.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn residual(&mut self, name: &str) -> Result<Value, RuleError> {
        let (element, shape) = self.given(name)?;
        self.residuals.push(name.to_owned());
        Ok(self.builder.input(name, element, &shape))
    }

    /// The forward value `name` at `reference`.
    fn value_at(&mut self, reference: Reference, name: &str) -> Result<Value, RuleError> {
        let known = |(at, value, _): &&(_, String, _)| *at == reference && value == name;
        if let Some((_, _, value)) = self.references.iter().find(known) {
            return Ok(value.clone());
        }
        let (element, shape) = self.given(name)?;
        let input = reference.value_name(name);
        self.builder.reserve(&input);
        let value = self.builder.named(&input, element, &shape);
        self.references.push((reference, name.to_owned(), value.clone()));
        Ok(value)
    }

    /// The type and the shape of a forward value that the gradient graph takes as an input.
    fn given(&self, name: &str) -> Result<(Element, Vec<usize>), RuleError> {
        match self.forward.element(name) {
            Some(element) if element != Element::Other => Ok((element, self.shape(name)?)),
            _ => {
                Err(RuleError(format!("the type of {name:?} cannot be given to a gradient graph")))
            }
        }
    }

    /// A constant: a stored tensor, which stays in the forward model, a copy of a small inferred
    /// constant, or a copy of the node that computes it.
    fn constant(&mut self, name: &str) -> Option<Value> {
        let shape = self.forward.shape(name)?;
        if let Some(tensor) = self.forward.tensor(name) {
            let element = element_of(tensor);
            let (own, source) = (name.to_owned(), name.to_owned());
            self.weights.push(Weight {
                name: own,
                source,
                element,
                shape: shape.clone(),
                flip: None,
            });
            self.builder.reserve(name);
            return Some(self.builder.named(name, element, &shape));
        }
        let element = self.forward.element(name)?;
        match self.forward.inferred_constant(name) {
            Some(Constant::Floats(values)) => {
                let values = values.clone();
                return Some(self.builder.floats("constant", &shape, &values).cast(element));
            }
            Some(Constant::Ints(_)) => return None,
            None => {}
        }
        let node = self.forward.topology.producer(name)?;
        let is_copyable = SAME_IN_ALL_OPSETS.contains(&node.op_type.as_str())
            && node.output.len() == 1
            && node.attribute.iter().all(|a| ["axis", "perm", "to"].contains(&a.name.as_str()));
        if !is_copyable {
            return None;
        }
        let inputs =
            node.input.iter().map(|input| Some(self.cached_constant(input)?.name().to_owned()));
        let input = inputs.collect::<Option<Vec<_>>>()?;
        let copy = NodeProto { name: name.to_owned(), input, ..node.clone() };
        self.builder.push(copy);
        Some(self.builder.named(name, element, &shape))
    }

    /// [`constant`](Self::constant), written once per name.
    fn cached_constant(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        let value = self.constant(name)?;
        self.values.insert(name.to_owned(), value.clone());
        Some(value)
    }

    /// The stored weight of `name`, flipped to shape `dims`. None if its numbers are computed, in
    /// an external file, or stored in a form that cannot be flipped.
    pub(super) fn flipped(&mut self, name: &str, flip: Flip, dims: &[usize]) -> Option<Value> {
        let element = self.forward.element(name)?;
        let source = self.stored_name(name)?;
        let tensor = self.forward.tensor(source)?;
        if is_external(tensor) || !flip.fits(tensor) {
            return None;
        }
        let key = (source.to_owned(), flip);
        if let Some(value) = self.flipped.get(&key) {
            return Some(value.clone());
        }
        let name = self.builder.fresh("flipped");
        let stored = element_of(tensor);
        let value = self.builder.named(&name, stored, dims);
        let (source, shape, flip) = (source.to_owned(), dims.to_vec(), Some(flip));
        self.weights.push(Weight { name, source, element: stored, shape, flip });
        let value = value.cast(element);
        self.flipped.insert(key, value.clone());
        Some(value)
    }

    /// The name of the stored tensor from which `name` comes through casts and identities.
    fn stored_name<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        let mut source = name;
        while self.forward.tensor(source).is_none() {
            let node = self.forward.topology.producer(source)?;
            if node.op_type != "Cast" && node.op_type != "Identity" {
                return None;
            }
            source = node.input.first()?;
        }
        Some(source)
    }

    /// The finished gradient graph by `rules`. `name` is the name of the forward graph.
    pub(super) fn finish(self, rules: &Rules, name: &str) -> Result<GradientGraph, GradientError> {
        let outputs = self.builder.outputs();
        let is_reference = |name: &str| self.references.iter().any(|(.., at)| at.name() == name);
        let clash =
            |name: &&String| name.as_str() == SEED || outputs.contains(*name) || is_reference(name);
        if let Some(name) = self.values.keys().find(clash) {
            return Err(GradientError::NameTaken(name.clone()));
        }
        let Self { builder, residuals, references, weights, engine_nodes, .. } = self;
        let inputs = references.iter();
        let inputs = inputs.map(|(.., at)| value_info(at.name(), at.element(), at.shape()));
        let inputs = inputs.collect();
        let graph = builder.finish(&rules.graph_name(name))?.with_inputs(inputs);
        let references = references.into_iter().map(|(at, value, _)| (at, value)).collect();
        Ok(GradientGraph { graph, residuals, references, weights, engine_nodes })
    }
}
