use super::Reference;
use super::error::RuleError;
use super::forward_graph::ForwardGraph;
use super::tape::Tape;
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, Value};

/// The result of a rule: the cotangent of one input, in the input's shape or in the shape to which
/// the input was broadcast.
pub(super) type Cotangent = Result<Value, RuleError>;

/// The backward rule of one operator. It computes the cotangent of the input with the given index
/// from the cotangents of the outputs.
pub(super) type Rule = fn(&mut NodeContext, usize) -> Cotangent;

/// What a rule reads and writes: the node that is differentiated, the cotangents of its outputs,
/// and the gradient graph.
#[derive(Debug)]
pub(super) struct NodeContext<'s, 'm> {
    pub(super) node: &'m NodeProto,
    pub(super) tape: &'s mut Tape<'m>,
    pub(super) output_cotangents: &'s [Option<Value>],
}

impl<'m> NodeContext<'_, 'm> {
    /// The cotangent ȳ of the first output that has one.
    pub(super) fn g(&self) -> Value {
        match self.output_cotangents.iter().flatten().next() {
            Some(cotangent) => cotangent.clone(),
            None => unreachable!("the driver calls no rule without a cotangent"),
        }
    }

    /// The forward value x of input `index`.
    pub(super) fn x(&mut self, index: usize) -> Result<Value, RuleError> {
        let name = self.input_name(index)?;
        self.tape.value(name)
    }

    /// The forward value y of the first output.
    pub(super) fn y(&mut self) -> Result<Value, RuleError> {
        self.tape.value(&self.node.output[0])
    }

    /// What `read` gives where the forward values are those at `reference`.
    pub(super) fn at<T>(&mut self, reference: Reference, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.tape.reference.replace(reference);
        let result = read(self);
        self.tape.reference = before;
        result
    }

    /// Whether input `index` is the same for every picture.
    pub(super) fn is_constant(&self, index: usize) -> bool {
        self.optional_input(index).is_none_or(|name| self.forward().topology.is_constant(name))
    }

    /// The name of input `index`, which must be there.
    pub(super) fn input_name(&self, index: usize) -> Result<&'m str, RuleError> {
        let missing = || RuleError(format!("its input {index} is missing"));
        self.optional_input(index).ok_or_else(missing)
    }

    /// The name of input `index`, if it is there.
    pub(super) fn optional_input(&self, index: usize) -> Option<&'m str> {
        self.node.input.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The shape of input `index`.
    pub(super) fn x_shape(&self, index: usize) -> Result<Vec<usize>, RuleError> {
        self.tape.shape(self.input_name(index)?)
    }

    /// The integers of input `index`, which must be the same for every picture.
    pub(super) fn ints(&self, index: usize) -> Result<Vec<i64>, RuleError> {
        let name = self.input_name(index)?;
        let computed = || RuleError(format!("its input {index} ({name:?}) is not a constant"));
        self.forward().ints(name).ok_or_else(computed)
    }

    /// The floats of input `index`, which must be the same for every picture.
    pub(super) fn floats(&self, index: usize) -> Result<Vec<f32>, RuleError> {
        let name = self.input_name(index)?;
        let computed = || RuleError(format!("its input {index} ({name:?}) is not a constant"));
        self.forward().floats(name).ok_or_else(computed)
    }

    /// A list of integers that is an attribute in older operator sets and input `index` in newer
    /// ones.
    pub(super) fn ints_or_input(
        &self,
        attribute: &str,
        index: usize,
    ) -> Result<Option<Vec<i64>>, RuleError> {
        match (self.node.ints(attribute), self.optional_input(index)) {
            (Some(values), _) => Ok(Some(values.to_vec())),
            (None, Some(_)) => self.ints(index).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The attribute `axis` for a shape of `rank` dimensions, counted from the front.
    pub(super) fn axis(&self, default: i64, rank: usize) -> Result<usize, RuleError> {
        from_front(self.node.int("axis", default), rank)
    }

    /// The error for an attribute, or an input that replaces one, with a value that the rule does
    /// not handle.
    pub(super) fn refuse(&self, attribute: &str, value: impl std::fmt::Debug) -> RuleError {
        RuleError(format!("{attribute} = {value:?} has no gradient rule"))
    }

    /// The opset of the forward model.
    pub(super) fn opset(&self) -> i64 {
        self.forward().opset
    }

    pub(super) fn forward(&self) -> &ForwardGraph<'m> {
        &self.tape.forward
    }
}

/// The axis counted from the front. A negative axis counts from the back.
pub(super) fn from_front(axis: i64, rank: usize) -> Result<usize, RuleError> {
    let positive = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(positive) {
        Ok(axis) if axis <= rank => Ok(axis),
        _ => Err(RuleError(format!("axis {axis} does not exist in a shape of {rank} dimensions"))),
    }
}
