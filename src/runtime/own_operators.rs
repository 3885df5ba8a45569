//! The operators that gradient graphs may have and ONNX has not, for tract.

use tract_kernels::{MaxPoolGradient, ReluGradient};
use tract_onnx::model::{Onnx, ParsingContext};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{StaticName, format_err};
use tract_onnx::tract_hir::infer::InferenceOp;
use tract_onnx::tract_hir::internal::{
    Expansion, InferenceResult, Solver, TensorProxy, check_input_arity, check_output_arity,
};
use tract_onnx::tract_hir::ops::expandable::expand;

/// An operator, and how tract reads a node of it.
type Row = (
    &'static str,
    fn(&ParsingContext, &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)>,
);

const OPERATORS: [Row; 2] =
    [("MaxPoolGradient", max_pool_gradient), ("ReluGradient", relu_gradient)];

/// Whether `operator` is one of them.
pub(super) fn contain(operator: &str) -> bool {
    OPERATORS.iter().any(|(name, _)| *name == operator)
}

/// tract's reader of ONNX files, with these operators.
pub(super) fn onnx() -> Onnx {
    let mut onnx = tract_onnx::onnx();
    OPERATORS.iter().for_each(|(name, read)| onnx.op_register.insert(name, *read));
    onnx
}

fn relu_gradient(
    _: &ParsingContext,
    _: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(OfTwo { op: ReluGradient::default(), is_same_shape: true }), vec![]))
}

fn max_pool_gradient(
    _: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let pair = |name: &str| -> TractResult<[usize; 2]> {
        let list: TVec<usize> = node.get_attr_tvec(name)?;
        list.as_slice().try_into().map_err(|_| format_err!("{name} is {list:?}"))
    };
    let op = MaxPoolGradient::new(
        pair("kernel_shape")?,
        pair("strides")?,
        pair("dilations")?,
        pair("pads_before")?,
    );
    Ok((expand(OfTwo { op, is_same_shape: false }), vec![]))
}

/// An operator of two float32 values whose output has the shape of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OfTwo<O> {
    op: O,
    /// Whether both inputs have the same shape. Otherwise they have the same rank.
    is_same_shape: bool,
}

impl<O: TypedOp + Clone + PartialEq + Eq> Expansion for OfTwo<O> {
    fn name(&self) -> StaticName {
        self.op.name()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2)?;
        check_output_arity(outputs, 1)?;
        for value in [&inputs[0], &inputs[1], &outputs[0]] {
            solver.equals(&value.datum_type, f32::datum_type())?;
        }
        solver.equals(&inputs[0].shape, &outputs[0].shape)?;
        match self.is_same_shape {
            true => solver.equals(&inputs[0].shape, &inputs[1].shape),
            false => solver.equals(&inputs[0].rank, &inputs[1].rank),
        }
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.op.clone(), inputs)
    }
}
