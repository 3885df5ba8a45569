use std::sync::Arc;

use tract_core::internal::*;

use crate::dense_batch::{multiply_columns, multiply_rows};
use crate::gemv::{Weight, gemv, gemv_transposed};
use crate::simd::Isa;
use crate::weight_matrix::{Elements, WeightMatrix};

/// A dense layer: the products of a weight matrix and one or several vectors.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    pub(crate) isa: Isa,
    pub(crate) matrix: Arc<WeightMatrix>,
    /// Whether each output is the product with a row of the matrix; otherwise with a column.
    pub(crate) by_rows: bool,
    /// The shape of the output.
    pub(crate) output: TVec<usize>,
}

impl Dense {
    fn multiply<T: Weight>(&self, matrix: &[T], x: &[f32], y: &mut [f32]) -> TractResult<()> {
        let inputs = self.matrix.size[usize::from(self.by_rows)];
        let is_whole = !x.is_empty() && x.len().is_multiple_of(inputs);
        ensure!(is_whole, "{} inputs, not {inputs}", x.len());
        match (x.len() / inputs, self.by_rows) {
            (1, true) => gemv(self.isa, matrix, x, y),
            (1, false) => gemv_transposed(self.isa, matrix, x, y),
            (_, true) => multiply_rows(self.isa, matrix, x, inputs, y),
            (_, false) => multiply_columns(self.isa, matrix, x, inputs, y),
        }
        Ok(())
    }
}

impl PartialEq for Dense {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.matrix, &other.matrix)
            && (self.by_rows, &self.output) == (other.by_rows, &other.output)
    }
}

impl Eq for Dense {}

impl Op for Dense {
    fn name(&self) -> StaticName {
        "Dense".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{:?}, by {}", self.matrix, if self.by_rows { "rows" } else { "columns" })])
    }

    op_as_typed_op!();
}

impl EvalOp for Dense {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let x = inputs[0].try_as_plain_ram()?;
        let x = x.as_slice::<f32>()?;
        let mut output = Tensor::zero::<f32>(&self.output)?;
        let mut y = output.try_as_plain_ram_mut()?;
        let y = y.as_slice_mut::<f32>()?;
        match &self.matrix.elements {
            Elements::F32(tensor) => {
                self.multiply(tensor.try_as_plain_ram()?.as_slice::<f32>()?, x, y)?;
            }
            Elements::F16(halves) => self.multiply(halves, x, y)?,
        }
        Ok(tvec![output.into_tvalue()])
    }

    op_out_of_plan!();
}

impl TypedOp for Dense {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec![f32::fact(&self.output)])
    }

    as_op!();
}
