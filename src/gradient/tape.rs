use std::collections::HashMap;

use super::driver::SEED;
use super::forward::{Forward, element_of, is_external};
use super::site::Reason;
use super::{Gradient, GradientError};
use crate::onnx::pb::{NodeProto, TensorProto};
use crate::onnx::{Builder, Constant, Element, Model, Value};

/// The gradient graph being written, with the forward values that it reads.
#[derive(Debug)]
pub(super) struct Tape<'m> {
    pub(super) forward: Forward<'m>,
    pub(super) builder: Builder,
    values: HashMap<String, Value>,
    residuals: Vec<String>,
}

/// Operators of constant subgraphs that mean the same in every operator set from 7 on.
const STABLE: [&str; 12] = [
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
    pub(super) fn new(forward: Forward<'m>, outputs: &[String]) -> Self {
        let builder = Builder::default();
        builder.reserve(SEED);
        outputs.iter().for_each(|output| builder.reserve(output));
        Self { forward, builder, values: HashMap::new(), residuals: Vec::new() }
    }

    /// The graph input that takes the cotangent of `logits`.
    pub(super) fn seed(&self, logits: &str) -> Result<Value, GradientError> {
        let unknown = || GradientError::UnknownShape(logits.to_owned());
        let shape = self.forward.shape(logits).ok_or_else(unknown)?;
        let element = self.forward.element(logits).ok_or_else(unknown)?;
        Ok(self.builder.input(SEED, element, &shape))
    }

    pub(super) fn shape(&self, value: &str) -> Result<Vec<usize>, Reason> {
        let shape = self.forward.shape(value);
        shape.ok_or_else(|| Reason(format!("the shape of {value:?} could not be inferred")))
    }

    /// A value of the forward graph: a copied weight where it is constant, a residual elsewhere.
    pub(super) fn value(&mut self, name: &str) -> Result<Value, Reason> {
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

    fn residual(&mut self, name: &str) -> Result<Value, Reason> {
        let shape = self.shape(name)?;
        match self.forward.element(name) {
            Some(element @ (Element::F32 | Element::F16 | Element::F64 | Element::Bool)) => {
                self.residuals.push(name.to_owned());
                Ok(self.builder.input(name, element, &shape))
            }
            _ => Err(Reason(format!("the type of {name:?} cannot be given to a gradient graph"))),
        }
    }

    /// Copies a constant: a stored tensor, a small known value, or the node that computes it.
    fn constant(&mut self, name: &str) -> Option<Value> {
        if let Some(tensor) = self.forward.tensor(name) {
            let copy = TensorProto { name: name.to_owned(), ..tensor.clone() };
            return Some(self.builder.initializer(copy, element_of(tensor)));
        }
        let shape = self.forward.shape(name)?;
        let element = self.forward.element(name)?;
        match self.forward.small(name) {
            Some(Constant::Floats(values)) => {
                let values = values.clone();
                return Some(self.builder.floats("constant", &shape, &values).cast(element));
            }
            Some(Constant::Ints(_)) => return None,
            None => {}
        }
        let node = self.forward.topology.producer(name)?;
        let stable = STABLE.contains(&node.op_type.as_str())
            && node.output.len() == 1
            && node.attribute.iter().all(|a| ["axis", "perm", "to"].contains(&a.name.as_str()));
        if !stable {
            return None;
        }
        let inputs = node.input.iter().map(|input| Some(self.known(input)?.name().to_owned()));
        let input = inputs.collect::<Option<Vec<_>>>()?;
        let copy = NodeProto { name: name.to_owned(), input, ..node.clone() };
        self.builder.push(copy);
        Some(self.builder.named(name, element, &shape))
    }

    fn known(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        let value = self.constant(name)?;
        self.values.insert(name.to_owned(), value.clone());
        Some(value)
    }

    /// The stored tensor behind `name`, looking through casts, with the type it is cast to. None
    /// where its numbers are computed or not in the file.
    pub(super) fn stored(&self, name: &str) -> Option<(&'m TensorProto, Element)> {
        let element = self.forward.element(name)?;
        let mut source = name;
        loop {
            if let Some(tensor) = self.forward.tensor(source) {
                return (!is_external(tensor)).then_some((tensor, element));
            }
            let node = self.forward.topology.producer(source)?;
            if node.op_type != "Cast" && node.op_type != "Identity" {
                return None;
            }
            source = node.input.first()?;
        }
    }

    pub(super) fn finish(self, model: &Model) -> Result<Gradient, GradientError> {
        let outputs = self.builder.outputs();
        let clash = |name: &&String| name.as_str() == SEED || outputs.contains(*name);
        if let Some(name) = self.values.keys().find(clash) {
            return Err(GradientError::NameTaken(name.clone()));
        }
        let name = format!("gradient of {}", model.graph().name);
        Ok(Gradient { model: self.builder.finish(&name)?, residuals: self.residuals })
    }
}
