use super::error::RuleError;
use super::forward::Forward;
use super::tape::Tape;
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, Value};

/// What a rule gives: the cotangent of one input, in its shape or one that broadcasting made of it.
pub(super) type Cotangent = Result<Value, RuleError>;

/// The backward rule of one operator: the cotangent of one input, from those of the outputs.
pub(super) type Rule = fn(&mut NodeContext, usize) -> Cotangent;

/// A node being differentiated, as its rule sees it.
#[derive(Debug)]
pub(super) struct NodeContext<'s, 'm> {
    pub(super) node: &'m NodeProto,
    pub(super) tape: &'s mut Tape<'m>,
    pub(super) outputs: &'s [Option<Value>],
}

impl<'m> NodeContext<'_, 'm> {
    /// The cotangent of the first output.
    pub(super) fn g(&self) -> Value {
        match self.outputs.iter().flatten().next() {
            Some(cotangent) => cotangent.clone(),
            None => unreachable!("the driver calls no rule without a cotangent"),
        }
    }

    /// Forward value of input `index`.
    pub(super) fn x(&mut self, index: usize) -> Result<Value, RuleError> {
        let name = self.name(index)?;
        self.tape.value(name)
    }

    /// Forward value of the first output.
    pub(super) fn y(&mut self) -> Result<Value, RuleError> {
        self.tape.value(&self.node.output[0])
    }

    /// The name of input `index`.
    pub(super) fn name(&self, index: usize) -> Result<&'m str, RuleError> {
        let missing = || RuleError(format!("its input {index} is missing"));
        self.given(index).ok_or_else(missing)
    }

    /// The name of the optional input `index`.
    pub(super) fn given(&self, index: usize) -> Option<&'m str> {
        self.node.input.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The shape of input `index`.
    pub(super) fn x_shape(&self, index: usize) -> Result<Vec<usize>, RuleError> {
        self.tape.shape(self.name(index)?)
    }

    /// The integers of input `index`, which must be the same for every picture.
    pub(super) fn ints(&self, index: usize) -> Result<Vec<i64>, RuleError> {
        let name = self.name(index)?;
        let computed = || RuleError(format!("its input {index} ({name:?}) is not a constant"));
        self.forward().ints(name).ok_or_else(computed)
    }

    /// The floats of input `index`, which must be the same for every picture.
    pub(super) fn floats(&self, index: usize) -> Result<Vec<f32>, RuleError> {
        let name = self.name(index)?;
        let computed = || RuleError(format!("its input {index} ({name:?}) is not a constant"));
        self.forward().floats(name).ok_or_else(computed)
    }

    /// A list that older operator sets give as an attribute and newer ones as input `index`.
    pub(super) fn ints_or_input(
        &self,
        attribute: &str,
        index: usize,
    ) -> Result<Option<Vec<i64>>, RuleError> {
        match (self.node.ints(attribute), self.given(index)) {
            (Some(values), _) => Ok(Some(values.to_vec())),
            (None, Some(_)) => self.ints(index).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The attribute `axis`, counted from the front of a shape of `rank` dimensions.
    pub(super) fn axis(&self, default: i64, rank: usize) -> Result<usize, RuleError> {
        from_front(self.node.int("axis", default), rank)
    }

    /// Refuses an attribute whose value the rule cannot treat.
    pub(super) fn refuse(&self, attribute: &str, value: impl std::fmt::Debug) -> RuleError {
        RuleError(format!("attribute {attribute} = {value:?} has no gradient rule"))
    }

    /// The opset of the forward model.
    pub(super) fn opset(&self) -> i64 {
        self.forward().opset
    }

    pub(super) fn forward(&self) -> &Forward<'m> {
        &self.tape.forward
    }
}

/// An axis counted from the front, where a negative one counts from the back.
pub(super) fn from_front(axis: i64, rank: usize) -> Result<usize, RuleError> {
    let positive = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(positive) {
        Ok(axis) if axis <= rank => Ok(axis),
        _ => Err(RuleError(format!("axis {axis} does not exist in a shape of {rank} dimensions"))),
    }
}
